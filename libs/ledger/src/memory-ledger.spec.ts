import { describeLedgerContract } from './ledger-contract';
import { MemoryLedger } from './memory-ledger';

describeLedgerContract('MemoryLedger', async (options) => new MemoryLedger(options));
