import { isDeepStrictEqual } from 'node:util';
import type { AppendResult, CommitDraft, StoredCommit, StoredEvent } from '@steward/ledger';

/** What of a commit follows from its draft: all but the hashes. */
export type ModelCommit = Omit<StoredCommit, 'prevHash' | 'hash'>;

/** The answer to an append, as the port describes it. */
export type ModelAnswer =
  | { readonly kind: 'appended' | 'duplicate'; readonly commit: ModelCommit }
  | Exclude<AppendResult, { readonly kind: 'appended' | 'duplicate' }>;

/** The ledger as its port describes it, in the plainest way: a list of commits, searched from end to end. */
export class ModelLog {
  readonly commits: ModelCommit[] = [];

  append(draft: CommitDraft): ModelAnswer {
    const known = this.commits.find(({ commandId }) => commandId === draft.commandId);
    if (known !== undefined) {
      return isSameCommand(known, draft)
        ? { kind: 'duplicate', commit: known }
        : { kind: 'command-id-reused', position: known.position };
    }
    for (const { stream, version: expected } of draft.reads) {
      const actual = this.stream(stream).length;
      if (actual !== expected) return { kind: 'conflict', stream, expected, actual };
    }
    const commit = this.committed(draft);
    this.commits.push(commit);
    return { kind: 'appended', commit };
  }

  stream(name: string): StoredEvent[] {
    return this.commits.flatMap(({ events }) => events.filter(({ stream }) => stream === name));
  }

  hosts(): string[] {
    return [...new Set(this.commits.map(({ host }) => host))].sort();
  }

  streams(kind: string): string[] {
    const names = this.commits.flatMap(({ events }) => events.map(({ stream }) => stream));
    return [...new Set(names)].filter((name) => name.startsWith(`${kind}/`)).sort();
  }

  private committed({ reads: _, events, ...columns }: CommitDraft): ModelCommit {
    const position = this.commits.length + 1;
    const stored: StoredEvent[] = [];
    for (const [idx, event] of events.entries()) {
      const before = stored.filter(({ stream }) => stream === event.stream).length;
      const version = this.stream(event.stream).length + before + 1;
      stored.push({ ...event, position, idx, version });
    }
    return { ...columns, position, events: stored };
  }
}

function isSameCommand(known: ModelCommit, draft: CommitDraft): boolean {
  return (
    known.host === draft.host &&
    known.actor === draft.actor &&
    isDeepStrictEqual(known.command, draft.command)
  );
}
