import type { Ledger } from '../port';

/** The hash of a commit, archived or not; undefined where there is none. */
export async function hashAt(ledger: Ledger, position: number): Promise<string | undefined> {
  for await (const { hash } of ledger.headers({ after: position - 1, until: position }))
    return hash;
  return undefined;
}
