import { GENESIS_HASH } from '../commit-hash';
import { LedgerError } from '../ledger-error';
import type { AppendResult, Ledger, StoredCommit } from '../port';
import type { RecordedDigest } from '../read-models/digests';
import { badLine, checkHeader, draftOf, hashOfStored, parseLine, type LogEnd } from './interchange';
import { linesOf } from './lines';

/** Commits handed to the ledger that it has not answered. */
const UNDER_WAY = 1024;

/** Where an import puts things. */
export interface ImportTarget {
  /** Must be empty: positions and hashes are those of the text. */
  readonly ledger: Ledger;
  /** Keeps digests, of commits that are durable by then. */
  record(digests: readonly RecordedDigest[]): void;
}

/**
 * Fills a ledger from what `exportLog` wrote. Nothing in the text is believed: every commit must
 * link to the one before, continue its streams, and hash to the hash it bears.
 * @param text in pieces of any size.
 * @throws LedgerError `bad-export` naming the first line that is wrong, `not-empty`; whatever
 *   `append` throws. What was imported before stays: throw the ledger away.
 */
export async function importLog(
  { ledger, record }: ImportTarget,
  text: AsyncIterable<string>,
): Promise<LogEnd> {
  if ((await ledger.latest()) !== 0) {
    throw new LedgerError('not-empty', 'a log is imported into an empty ledger only');
  }
  const chain = new ImportedChain();
  const digests: RecordedDigest[] = [];
  let digestCount = 0;
  let end: LogEnd | undefined;
  const underWay: Promise<AppendResult>[] = [];
  const settle = async (): Promise<void> => {
    const answers = await Promise.all(underWay.splice(0));
    // Admitted by nothing but the ledger itself: a command id may stand in the text twice.
    const odd = answers.find(({ kind }) => kind !== 'appended');
    if (odd !== undefined) throw badLine(chain.line, `a commit before it is a ${odd.kind}`);
    record(digests.splice(0));
  };
  for await (const each of linesOf(text)) {
    if (++chain.line === 1) {
      checkHeader(each);
      continue;
    }
    if (end !== undefined) throw badLine(chain.line, 'there is more after the end');
    const parsed = parseLine(each, chain.line);
    if ('end' in parsed) {
      end = parsed.end;
    } else if ('commit' in parsed) {
      chain.add(parsed.commit);
      underWay.push(ledger.append(draftOf(parsed.commit)));
      if (underWay.length >= UNDER_WAY) await settle();
    } else {
      if (parsed.digest.position !== chain.position) {
        throw badLine(chain.line, `a digest of commit ${parsed.digest.position} out of order`);
      }
      digests.push(parsed.digest);
      digestCount++;
    }
  }
  await settle();
  return chain.checkEnd(end, digestCount);
}

/** The chain as far as it was read. */
class ImportedChain {
  position = 0;
  line = 0;
  private hash = GENESIS_HASH;
  private readonly versions = new Map<string, number>();

  add(commit: StoredCommit): void {
    const fault =
      (commit.position !== this.position + 1 && `commit ${this.position + 1} was expected`) ||
      (commit.prevHash !== this.hash && 'its prevHash is not the hash of the commit before') ||
      this.versionFault(commit) ||
      hashFault(commit);
    if (fault) throw badLine(this.line, `commit ${commit.position}: ${fault}`);
    this.position = commit.position;
    this.hash = commit.hash;
  }

  checkEnd(end: LogEnd | undefined, digests: number): LogEnd {
    if (end === undefined) throw badLine(this.line + 1, 'the text ends before its end');
    const { position: commits, hash } = this;
    if (end.commits !== commits || end.hash !== hash || end.digests !== digests) {
      throw badLine(this.line, `it ends after ${commits} commits and ${digests} digests`);
    }
    return end;
  }

  private versionFault({ events }: StoredCommit): string | undefined {
    for (const { stream, version } of events) {
      const expected = (this.versions.get(stream) ?? 0) + 1;
      if (version !== expected) return `version ${version} of ${stream}, expected ${expected}`;
      this.versions.set(stream, version);
    }
    return undefined;
  }
}

function hashFault(commit: StoredCommit): string | undefined {
  try {
    const computed = hashOfStored(commit);
    return computed === commit.hash ? undefined : `it hashes to ${computed}, not ${commit.hash}`;
  } catch (error) {
    if (error instanceof LedgerError) return error.message;
    throw error;
  }
}
