import { MemoryLedger } from '@steward/ledger';
import { coherenceBroken, staleUsed } from './stale-predicates';

describe('predicates of coherence', () => {
  it('do not hold of a log in which nothing happens', async () => {
    const ledger = new MemoryLedger();
    expect(await coherenceBroken({ ledger })(5)).toBe(false);
    expect(await staleUsed({ ledger })(5)).toBe(false);
  });
});
