import { HASH_DOMAIN, hashOf, writeHashed } from '../commit-hash';
import type { AskedCommand, ChainHead, VersionOf } from '../admission';
import type { EncodedDraft } from '../draft-encoding';
import type { StoredCommit, StreamRead } from '../port';
import { decodeCommit, type EventRow } from '../rows';
import { FieldReader, FieldWriter, HEADER_BYTES, putInteger } from '../tagged-fields';

/** Longest run whose memory is kept for the next one, in bytes. */
const SCRATCH_BYTES = 256 * 1024;
const SCRATCH = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/**
 * Drafts as one run of bytes, so that they pass between threads without being copied or taken
 * apart: for each the streams it read, then the message that its hash will be taken over. Until
 * they are written they are kept as this and nothing else: objects that live that long cost the
 * garbage collector more than it takes to make them.
 */
export interface PackedBatch {
  /** All of its memory is the batch's own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each draft begins. */
  readonly starts: readonly number[];
}

export function packBatch(drafts: readonly EncodedDraft[]): PackedBatch {
  const fields = new FieldWriter(SCRATCH);
  const starts = drafts.map(({ reads, commit, events }) => {
    const start = fields.length;
    fields.integer(reads.length);
    for (const { stream, version } of reads) {
      fields.text(stream);
      fields.integer(version);
    }
    writeHashed(fields, commit, events);
    return start;
  });
  return { bytes: new Uint8Array(fields.bytes()), starts };
}

/** The drafts of batches, one after the other, sharing their memory; each is read when its turn comes. */
export function* draftsOf(batches: Iterable<PackedBatch>): Generator<PackedDraft, void, undefined> {
  for (const { bytes, starts } of batches) {
    const fields = readerOf(bytes);
    for (const start of starts) yield new PackedDraft(fields, start);
  }
}

/**
 * A draft that was placed in the log, as a reader will find it; its memory is its own.
 * @param batch that came back from the writer.
 * @param at its place in the batch.
 */
export function writtenCommit(batch: PackedBatch, at: number, hash: string): StoredCommit {
  const fields = readerOf(batch.bytes);
  fields.at = batch.starts[at]!;
  takeReads(fields);
  fields.at += HASH_DOMAIN.length;
  const commit = {
    ...{ position: fields.integer(), host: fields.text(), at: fields.text(), actor: fields.text() },
    ...{ commandId: fields.text(), command: fields.text(), commandWords: fields.copy() },
    ...{ outcome: fields.text(), correlationId: fields.optionalText() },
    ...{ causationId: fields.optionalText(), prevHash: fields.text(), hash },
  };
  const events: EventRow[] = Array.from({ length: fields.integer() }, () => ({
    ...{ position: fields.integer(), idx: fields.integer(), stream: fields.text() },
    ...{ version: fields.integer(), type: fields.text(), schema: fields.integer() },
    ...{ payload: fields.text(), words: fields.copy() },
  }));
  return decodeCommit(commit, events);
}

/** A value as it is bound: text as its bytes. */
export type Column = number | string | Buffer | null;

/** A commit that has its place in the log, its columns in the order of their tables. */
export interface PlacedCommit extends ChainHead {
  readonly commitRow: readonly Column[];
  /** Columns of one event after those of the other. */
  readonly eventColumns: readonly Column[];
  /** Of each event, in order. */
  readonly streams: readonly string[];
}

// Places of columns in the row of a commit, and how many of them the message holds.
const COMMIT = { position: 0, host: 1, actor: 3, commandId: 4, command: 5, commandWords: 6 };
const COMMIT_BYTES_COLUMNS = 9;

/** One draft of a packed batch. */
export class PackedDraft {
  readonly reads: readonly StreamRead[];
  private readonly row: Column[] = [0];
  /** Where the message to be hashed begins, and in it the position, the previous hash and the events. */
  private readonly start: number;
  private readonly positionAt: number;
  private readonly prevHashAt: number;
  private readonly eventsAt: number;

  /** @param at where it begins. */
  constructor(
    private readonly fields: FieldReader,
    at: number,
  ) {
    fields.at = at;
    this.reads = takeReads(fields);
    this.start = fields.at;
    this.positionAt = fields.at += HASH_DOMAIN.length;
    fields.integer();
    // host, at, actor, command_id, command, command_words, outcome, correlation_id, causation_id
    for (let i = 0; i < COMMIT_BYTES_COLUMNS; i++) this.row.push(fields.bytes());
    this.prevHashAt = fields.at + HEADER_BYTES;
    fields.skip();
    this.eventsAt = fields.at;
  }

  /** The command's id. */
  get commandId(): string {
    return String(this.row[COMMIT.commandId]);
  }

  /** Who asked for what. */
  get command(): AskedCommand {
    const { row } = this;
    return {
      host: String(row[COMMIT.host]),
      actor: String(row[COMMIT.actor]),
      command: String(row[COMMIT.command]),
      commandWords: row[COMMIT.commandWords] as Buffer | null,
    };
  }

  /**
   * Gives it the next position, each event its stream's next version, and links it to `head`. May
   * be called again: what was written before is overwritten.
   * @param nextVersion of a stream; asked once for each event, in order.
   */
  place(head: ChainHead, nextVersion: VersionOf): PlacedCommit {
    const { fields, row } = this;
    const { buffer } = fields;
    const position = head.position + 1;
    putInteger(buffer, this.positionAt, position);
    buffer.write(head.hash, this.prevHashAt, 'latin1');
    fields.at = this.eventsAt;
    const eventColumns: Column[] = [];
    const streams: string[] = [];
    for (let left = fields.integer(); left > 0; left--) {
      putInteger(buffer, fields.at, position);
      fields.skip();
      const idx = fields.integer();
      const streamAt = fields.at;
      const stream = fields.bytes();
      const name = fields.textAt(streamAt);
      const version = nextVersion(name);
      streams.push(name);
      putInteger(buffer, fields.at, version);
      fields.skip();
      eventColumns.push(position, idx, stream, version, fields.bytes(), fields.integer());
      eventColumns.push(fields.bytes(), fields.bytes());
    }
    const hash = hashOf(buffer.subarray(this.start, fields.at));
    row[COMMIT.position] = position;
    return { position, hash, commitRow: [...row, head.hash, hash], eventColumns, streams };
  }
}

function readerOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): FieldReader {
  return new FieldReader(Buffer.from(buffer, byteOffset, byteLength));
}

function takeReads(fields: FieldReader): StreamRead[] {
  const reads: StreamRead[] = [];
  for (let left = fields.integer(); left > 0; left--) {
    reads.push({ stream: fields.text(), version: fields.integer() });
  }
  return reads;
}
