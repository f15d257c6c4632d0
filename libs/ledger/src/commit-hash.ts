import { hash } from 'node:crypto';
import type { CommitRow, EventRow, StoredText } from './rows';

/** `prev_hash` of position 1. */
export const GENESIS_HASH = '0'.repeat(64);

// Names what is hashed and how, so that no other message of the same bytes can pass for a commit.
const DOMAIN = 'steward commit 1\n';
const FIELD_HEADER_BYTES = 5;
const INTEGER_BYTES = 9;
const COMMIT_FIELDS = 11;
const EVENT_FIELDS = 8;

/** A commit's columns that its hash covers: all but the hash itself. */
export type HashedCommit = Omit<CommitRow<StoredText>, 'hash'>;

/**
 * SHA-256, as 64 hex digits, over `DOMAIN`, then each column of the commit in the order of its
 * table (prev_hash included, hash not), then the number of events, then each column of each event
 * in the order of its table. A column is one tag byte and
 * - `T` text, `B` blob: length in bytes (32 bits, big-endian), the bytes as stored;
 * - `I` integer: 64 bits, big-endian;
 * - `N` NULL: nothing more.
 *
 * Lengths and tags make the encoding injective: moving a byte from one column to the next changes
 * it.
 */
export function hashCommit(commit: HashedCommit, events: readonly EventRow<StoredText>[]): string {
  const fields = new FieldBuffer(sizeBound(commit, events));
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
  return hash('sha256', fields.bytes(), 'hex');
}

/**
 * At least as many bytes as the encoding takes: UTF-8 needs at most three for a UTF-16 code unit.
 */
function sizeBound(commit: HashedCommit, events: readonly EventRow<StoredText>[]): number {
  let bytes = DOMAIN.length + (COMMIT_FIELDS + 1 + events.length * EVENT_FIELDS) * INTEGER_BYTES;
  for (const column of Object.values(commit)) {
    if (typeof column !== 'number') bytes += (column?.length ?? 0) * 3;
  }
  for (const event of events) {
    bytes += (event.stream.length + event.type.length + event.payload.length) * 3;
    bytes += event.words?.length ?? 0;
  }
  return bytes;
}

/** Longest encoding whose memory is kept for the next one, in bytes. */
const SCRATCH_BYTES = 64 * 1024;
const SCRATCH = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** The encoding in the making; only one at a time, as most share their memory. */
class FieldBuffer {
  private readonly buffer: Buffer;
  private used: number;

  constructor(size: number) {
    // Memory of its own for every commit showed in the profile of an append.
    this.buffer = size <= SCRATCH_BYTES ? SCRATCH : Buffer.allocUnsafe(size);
    this.used = this.buffer.write(DOMAIN, 'latin1');
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  integer(value: number): void {
    this.buffer[this.used] = 0x49; // I
    // A number that is no integer can only come from a tampered column; NaN is written as 0 and the
    // row is refused elsewhere.
    this.buffer.writeBigInt64BE(BigInt(Number.isSafeInteger(value) ? value : 0), this.used + 1);
    this.used += INTEGER_BYTES;
  }

  text(value: StoredText | null): void {
    if (typeof value !== 'string') {
      this.run(0x54, value);
      return;
    }
    const length = this.buffer.write(value, this.used + FIELD_HEADER_BYTES, 'utf8');
    this.header(0x54, length); // T
    this.used += length;
  }

  blob(value: Uint8Array | null): void {
    this.run(0x42, value); // B
  }

  private run(tag: number, value: Uint8Array | null): void {
    if (value === null) {
      this.buffer[this.used++] = 0x4e; // N
      return;
    }
    this.header(tag, value.length);
    this.buffer.set(value, this.used);
    this.used += value.length;
  }

  private header(tag: number, length: number): void {
    this.buffer[this.used] = tag;
    this.buffer.writeUInt32BE(length, this.used + 1);
    this.used += FIELD_HEADER_BYTES;
  }
}
