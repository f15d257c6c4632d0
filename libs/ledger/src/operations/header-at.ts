import type { CommitHeader, Ledger } from '../port';

/** What stays of a commit, archived or not; undefined where there is none. */
export async function headerAt(
  ledger: Ledger,
  position: number,
): Promise<CommitHeader | undefined> {
  for await (const header of ledger.headers({ after: position - 1, until: position }))
    return header;
  return undefined;
}
