import { isDeepStrictEqual } from 'node:util';
import { ARCHIVED } from './archive/archived-commit';
import { hashCommit } from './commit-hash';
import type { EncodedDraft } from './draft-encoding';
import { decodeJson } from './json';
import { LedgerError } from './ledger-error';
import type { AppendResult, StreamRead } from './port';
import type { CommitRow, EventRow } from './rows';

// A draft is appended unless its command is known already, or a stream it read has moved. A known
// command is what its caller is told of even when streams have moved: its own first attempt may be
// what moved them.

/** The number of events in a stream. */
export type VersionOf = (stream: string) => number;

/** The end of the chain a commit is put on. */
export interface ChainHead {
  /** 0 when the ledger is empty. */
  readonly position: number;
  readonly hash: string;
}

/** Who asked for what: the columns that tell a command apart from another of the same id. */
export type AskedCommand = Pick<CommitRow, 'host' | 'actor' | 'command' | 'commandWords'>;

/** The answer to a draft that read a stream at another version than it has; undefined otherwise. */
export function conflictOf(
  reads: readonly StreamRead[],
  versionOf: VersionOf,
): Extract<AppendResult, { readonly kind: 'conflict' }> | undefined {
  for (const { stream, version } of reads) {
    const actual = versionOf(stream);
    if (actual !== version) return { kind: 'conflict', stream, expected: version, actual };
  }
  return undefined;
}

/**
 * Whether a command whose id is known is a retry of the one it belongs to. The time, outcome and
 * correlation of a retry may differ; who asked for what may not.
 * @throws LedgerError `corrupt` when the stored command is not JSON, `archived` when it is no longer here.
 */
export function isRetry(asked: AskedCommand, known: AskedCommand): boolean {
  if (known.command === ARCHIVED) {
    throw new LedgerError('archived', 'the command of that id, and its answer, are in an archive');
  }
  return (
    asked.host === known.host &&
    asked.actor === known.actor &&
    isSameWords(asked.commandWords, known.commandWords) &&
    // Compared as values: keys in another order are the same command.
    isDeepStrictEqual(
      decodeJson(asked.command, 'the command'),
      decodeJson(known.command, 'the stored command of the same id'),
    )
  );
}

/**
 * The rows of an admitted draft: the next position, each event at its stream's next version, linked
 * to `head` by hash.
 */
export function seal(
  draft: EncodedDraft,
  head: ChainHead,
  versionOf: VersionOf,
): { readonly commit: CommitRow; readonly events: readonly EventRow[] } {
  const position = head.position + 1;
  const versions = new Map<string, number>();
  const events = draft.events.map((event) => {
    const version = (versions.get(event.stream) ?? versionOf(event.stream)) + 1;
    versions.set(event.stream, version);
    return { ...event, position, version };
  });
  const unhashed = { ...draft.commit, position, prevHash: head.hash };
  return { commit: { ...unhashed, hash: hashCommit(unhashed, events) }, events };
}

function isSameWords(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}
