import { isDeepStrictEqual } from 'node:util';
import { hashCommit } from './commit-hash';
import type { EncodedDraft } from './draft-encoding';
import type { AppendResult, StoredCommit } from './port';
import type { CommitRow, EventRow } from './rows';

/** What admission asks of the store, inside the transaction that will write. */
export interface LogView {
  findCommand(commandId: string): StoredCommit | undefined;
  /** The number of events in the stream. */
  versionOf(stream: string): number;
}

/** The end of the chain a commit is put on. */
export interface ChainHead {
  /** 0 when the ledger is empty. */
  readonly position: number;
  readonly hash: string;
}

/**
 * Whether a draft may be appended: `undefined` when it may, else the answer its caller gets. A
 * command already committed is recognised before the versions are looked at, because its own first
 * attempt may be what moved them.
 */
export function refusal(draft: EncodedDraft, view: LogView): AppendResult | undefined {
  const known = view.findCommand(draft.commit.commandId);
  if (known !== undefined) {
    return isSameCommand(draft, known)
      ? { kind: 'duplicate', commit: known }
      : { kind: 'command-id-reused', position: known.position };
  }
  for (const { stream, version } of draft.reads) {
    const actual = view.versionOf(stream);
    if (actual !== version) return { kind: 'conflict', stream, expected: version, actual };
  }
  return undefined;
}

/**
 * The rows of an admitted draft: the next position, each event at its stream's next version, linked
 * to `head` by hash.
 */
export function seal(
  draft: EncodedDraft,
  head: ChainHead,
  view: Pick<LogView, 'versionOf'>,
): { readonly commit: CommitRow; readonly events: readonly EventRow[] } {
  const position = head.position + 1;
  const versions = new Map<string, number>();
  const events = draft.events.map((event, idx) => {
    const version = (versions.get(event.stream) ?? view.versionOf(event.stream)) + 1;
    versions.set(event.stream, version);
    return { ...event, position, idx, version };
  });
  const unhashed = { ...draft.commit, position, prevHash: head.hash };
  return { commit: { ...unhashed, hash: hashCommit(unhashed, events) }, events };
}

/** The time, outcome and correlation of a retry may differ; who asked for what may not. */
function isSameCommand(draft: EncodedDraft, known: StoredCommit): boolean {
  const { host, actor, command, commandWords } = draft.commit;
  return (
    host === known.host &&
    actor === known.actor &&
    isSameWords(commandWords, known.commandWords ?? null) &&
    // Compared as values: keys in another order are the same command.
    isDeepStrictEqual(JSON.parse(command), known.command)
  );
}

function isSameWords(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}
