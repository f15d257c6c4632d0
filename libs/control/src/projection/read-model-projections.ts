import { AttachmentSpans } from '@steward/audit';
import type { Attachments, Attempts, Checkpoints, Digests, Effects } from '@steward/ledger';
import { MACHINE_VERSION } from '@steward/machine';
import type { Folded } from './machine-fold';

/** Where read models are written. */
export interface ReadModelTables {
  readonly effects: Effects;
  readonly attachments: Attachments;
  readonly attempts: Attempts;
  readonly checkpoints: Checkpoints;
  /** All that `work` writes becomes durable together, or, when it throws, nothing does; may be nested. */
  transaction<Result>(work: () => Result): Result;
}

/** Something that is computed from the log a commit at a time. */
export interface ReadModelProjection {
  /** Of its checkpoint. */
  readonly name: string;
  /** Deletes its rows: it begins anew. */
  clear(): void;
  /** Writes a commit's rows. What it throws stops it, and only it. */
  write(folded: Folded): void;
  /** Follows a commit whose rows are written already. */
  recall(folded: Folded): void;
}

/** Every read model. `tables` may become others later: they hold the same rows then. */
export function readModelProjections(
  tables: () => ReadModelTables,
  digests: Digests,
): readonly ReadModelProjection[] {
  return [effects(tables, digests), attachments(tables)];
}

function effects(tables: () => ReadModelTables, digests: Digests): ReadModelProjection {
  return {
    name: 'effects',
    clear: () => tables().effects.clear(),
    write: ({ commit: { position, host }, rows, digest }) => {
      tables().effects.write(position, rows);
      digests.record({ position, host, machineVersion: MACHINE_VERSION, digest });
    },
    recall: () => undefined,
  };
}

function attachments(tables: () => ReadModelTables): ReadModelProjection {
  const spans = new AttachmentSpans({
    get attachments() {
      return tables().attachments;
    },
    get attempts() {
      return tables().attempts;
    },
  });
  const steOf =
    ({ stes }: Folded) =>
    (device: string): readonly bigint[] =>
      stes.get(device) ?? [];
  return {
    name: 'attachments',
    clear: () => {
      tables().attachments.clear();
      tables().attempts.clear();
    },
    write: (folded) => spans.project(folded.commit, steOf(folded), folded.rows),
    recall: (folded) => spans.recall(folded.commit, steOf(folded)),
  };
}
