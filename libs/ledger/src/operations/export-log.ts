import { archivedError } from '../archive/archived-commit';
import { GENESIS_HASH } from '../commit-hash';
import { LedgerError } from '../ledger-error';
import type { Ledger } from '../port';
import type { RecordedDigest } from '../read-models/digests';
import { formatLine, HEADER, hashOfStored } from './interchange';

/**
 * A ledger as text (see interchange.ts), a line at a time, all its commits and digests as of now.
 * Each commit's hash is computed from the values that are written, so a text that ends is lossless.
 * @param digests those recorded, by position.
 * @throws LedgerError `archived` when part of it is in an archive; `corrupt` at a commit whose stored bytes are not what its values would be
 *   stored as: tampered with, or written by something else.
 */
export async function* exportLog(
  ledger: Ledger,
  digests: Iterable<RecordedDigest>,
): AsyncGenerator<string, void, undefined> {
  const [gone] = await ledger.archives();
  if (gone !== undefined) throw archivedError(`part of the log`, gone);
  const until = await ledger.latest();
  const recorded = digests[Symbol.iterator]();
  let next = recorded.next();
  let digestCount = 0;
  let hash = GENESIS_HASH;
  yield formatLine(HEADER);
  for await (const commit of ledger.commits({ until })) {
    const computed = hashOfStored(commit);
    if (computed !== commit.hash) {
      const message = `commit ${commit.position}: its values hash to ${computed}, its hash column says ${commit.hash}; \`verify\` tells more`;
      throw new LedgerError('corrupt', message);
    }
    yield formatLine({ commit });
    for (; next.done !== true && next.value.position <= commit.position; next = recorded.next()) {
      yield formatLine({ digest: next.value });
      digestCount++;
    }
    hash = commit.hash;
  }
  yield formatLine({ end: { commits: until, digests: digestCount, hash } });
}
