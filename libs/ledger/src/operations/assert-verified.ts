import { LedgerError } from '../ledger-error';
import type { Ledger } from '../port';

/**
 * Verifies a ledger of which something is to be made.
 * @param name of the ledger, for the error.
 * @returns the number of its commits.
 * @throws LedgerError `tampered` naming the first bad commit and what is wrong with it.
 */
export async function assertVerified(ledger: Ledger, name: string): Promise<number> {
  const { ok, commits, firstBad } = await ledger.verify();
  if (ok) return commits;
  const where = `${name}: BAD at commit ${firstBad?.position}: ${firstBad?.reason}`;
  throw new LedgerError('tampered', where);
}
