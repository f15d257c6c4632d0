import { HASH_DOMAIN, hashOf, writeHashed } from '../commit-hash';
import type { AskedCommand, ChainHead, VersionOf } from '../admission';
import type { EncodedDraft } from '../draft-encoding';
import type { StreamRead } from '../port';
import { FieldReader, FieldWriter, HEADER_BYTES, putInteger } from '../tagged-fields';

/** Most a draft usually takes, in bytes. */
const DRAFT_BYTES = 2048;

/**
 * Drafts as one run of bytes, so that they pass between threads without being copied or taken
 * apart: for each the streams it read, then the message that its hash will be taken over.
 */
export interface PackedBatch {
  /** All of its memory is the batch's own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many drafts it holds. */
  readonly count: number;
}

export function packBatch(drafts: readonly EncodedDraft[]): PackedBatch {
  const fields = new FieldWriter(Buffer.allocUnsafeSlow(drafts.length * DRAFT_BYTES));
  for (const { reads, commit, events } of drafts) {
    fields.integer(reads.length);
    for (const { stream, version } of reads) {
      fields.text(stream);
      fields.integer(version);
    }
    writeHashed(fields, commit, events);
  }
  return { bytes: fields.bytes() as Uint8Array<ArrayBuffer>, count: drafts.length };
}

/**
 * The drafts of a batch, sharing its memory.
 * @throws TypeError for bytes that are no packed batch.
 */
export function unpackBatch({ bytes, count }: PackedBatch): PackedDraft[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields = new FieldReader(buffer);
  return Array.from({ length: count }, () => new PackedDraft(buffer, fields));
}

/** A value as it is bound: text as its bytes. */
export type Column = number | string | Buffer | null;

/** A commit that has its place in the log, its columns in the order of their tables. */
export interface PlacedCommit extends ChainHead {
  readonly prevHash: string;
  /** Of each event, in order. */
  readonly versions: readonly number[];
  readonly commitRow: readonly Column[];
  readonly eventRows: readonly (readonly Column[])[];
}

interface PackedEvent {
  readonly stream: string;
  /** Where its position field stands in the batch, and its version field. */
  readonly positionAt: number;
  readonly versionAt: number;
  readonly row: Column[];
}

// Places of columns in the rows of their tables.
const COMMIT = { position: 0, host: 1, actor: 3, commandId: 4, command: 5, commandWords: 6 };
const EVENT = { position: 0, version: 3 };

/** One draft of a packed batch. */
export class PackedDraft {
  readonly reads: readonly StreamRead[];
  private readonly row: Column[];
  private readonly events: readonly PackedEvent[];
  /** Where the message to be hashed stands, and in it the position and previous hash. */
  private readonly message: Buffer;
  private readonly positionAt: number;
  private readonly prevHashAt: number;

  /** Takes the draft that stands next. */
  constructor(
    private readonly buffer: Buffer,
    fields: FieldReader,
  ) {
    this.reads = Array.from({ length: fields.integer() }, () => ({
      stream: fields.text(),
      version: fields.integer(),
    }));
    const start = fields.at;
    this.positionAt = fields.at += HASH_DOMAIN.length;
    this.row = [fields.integer()];
    // host, at, actor, command_id, command, command_words, outcome, correlation_id, causation_id
    for (let i = 1; i <= 9; i++) this.row.push(fields.bytes());
    this.prevHashAt = fields.at + HEADER_BYTES;
    fields.bytes();
    this.events = Array.from({ length: fields.integer() }, () => this.takeEvent(fields));
    this.message = buffer.subarray(start, fields.at);
  }

  /** The command's id. */
  get commandId(): string {
    return String(this.row[COMMIT.commandId]);
  }

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
   * Gives it the next position, each event its stream's next version, and the hash that links it to
   * `head`. May be done again, for another place.
   */
  place(head: ChainHead, versionOf: VersionOf): PlacedCommit {
    const { buffer, message, row, events } = this;
    const position = head.position + 1;
    putInteger(buffer, this.positionAt, position);
    buffer.write(head.hash, this.prevHashAt, 'latin1');
    const own = new Map<string, number>();
    const versions = events.map((event) => {
      const version = (own.get(event.stream) ?? versionOf(event.stream)) + 1;
      own.set(event.stream, version);
      putInteger(buffer, event.positionAt, position);
      putInteger(buffer, event.versionAt, version);
      event.row[EVENT.position] = position;
      event.row[EVENT.version] = version;
      return version;
    });
    const hash = hashOf(message);
    row[COMMIT.position] = position;
    const commitRow = [...row, head.hash, hash];
    return {
      ...{ position, prevHash: head.hash, hash, versions, commitRow },
      eventRows: events.map((event) => event.row),
    };
  }

  /** The streams of its events, in order. */
  get streams(): readonly string[] {
    return this.events.map(({ stream }) => stream);
  }

  private takeEvent(fields: FieldReader): PackedEvent {
    const positionAt = fields.at;
    const row: Column[] = [fields.integer(), fields.integer()];
    const streamAt = fields.at;
    const stream = fields.text();
    row.push(this.buffer.subarray(streamAt + HEADER_BYTES, fields.at));
    const versionAt = fields.at;
    row.push(fields.integer(), fields.bytes(), fields.integer(), fields.bytes(), fields.bytes());
    return { stream, positionAt, versionAt, row };
  }
}
