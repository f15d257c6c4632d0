import { hash } from 'node:crypto';
import type { CommitRow, EventRow, StoredText } from './rows';
import { FieldWriter } from './tagged-fields';

/** `prev_hash` of position 1. */
export const GENESIS_HASH = '0'.repeat(64);

/** Names what is hashed and how, so that no other message of the same bytes can pass for a commit. */
export const HASH_DOMAIN = 'steward commit 1\n';

/** Longest message whose memory is kept for the next one, in bytes. */
const SCRATCH_BYTES = 64 * 1024;
const SCRATCH = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** A commit's columns that its hash covers: all but the hash itself. */
export type HashedCommit<Text extends StoredText = StoredText> = Omit<CommitRow<Text>, 'hash'>;

/** SHA-256 over what `writeHashed` writes, as 64 hex digits. */
export function hashCommit(commit: HashedCommit, events: readonly EventRow<StoredText>[]): string {
  // Memory of its own for every commit showed in the profile of an append.
  const fields = new FieldWriter(SCRATCH);
  writeHashed(fields, commit, events);
  return hashOf(fields.bytes());
}

/** SHA-256 over a message that `writeHashed` wrote, as 64 hex digits. */
export function hashOf(message: Buffer): string {
  return hash('sha256', message, 'hex');
}

/**
 * The message whose hash a commit bears: `HASH_DOMAIN`, then each column of the commit in the order
 * of its table (prev_hash included, hash not), then the number of events, then each column of each
 * event in the order of its table, as tagged fields.
 */
export function writeHashed(
  fields: FieldWriter,
  commit: HashedCommit,
  events: readonly EventRow<StoredText>[],
): void {
  fields.literal(HASH_DOMAIN);
  fields.integer(commit.position);
  fields.text(commit.host);
  fields.text(commit.at);
  fields.text(commit.actor);
  fields.text(commit.commandId);
  fields.text(commit.command);
  fields.blob(commit.commandWords);
  fields.text(commit.outcome);
  fields.text(commit.correlationId);
  fields.text(commit.causationId);
  fields.text(commit.prevHash);
  fields.integer(events.length);
  for (const event of events) {
    fields.integer(event.position);
    fields.integer(event.idx);
    fields.text(event.stream);
    fields.integer(event.version);
    fields.text(event.type);
    fields.integer(event.schema);
    fields.text(event.payload);
    fields.blob(event.words);
  }
}
