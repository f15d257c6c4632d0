import type Database from 'better-sqlite3';
import { LedgerError } from '../ledger-error';
import { lazily } from '../sqlite/columns';
import { guarded } from '../sqlite/sqlite-error';

/**
 * The beginning of a span: from `fromPosition` on, the device is attached like this. Words are
 * `"0x…"` strings.
 */
export interface NewAttachmentSpan {
  readonly device: string;
  /** The VM that holds the device; null when the host does. */
  readonly vm: string | null;
  readonly domain: string | null;
  readonly kind: string;
  readonly vste0: string | null;
  readonly vste1: string | null;
  /** The 8 words of the STE in force. */
  readonly ste: readonly string[] | null;
  /** 16 bits. */
  readonly vmid: number | null;
  readonly actor: string;
  readonly fromPosition: number;
  readonly fromAt: string;
  /** Command id of the commit that began it. */
  readonly beganBy: string;
}

/** The end of a span: it holds up to, not at, `toPosition`. */
export interface AttachmentEnd {
  readonly toPosition: number;
  readonly toAt: string;
  /** Command id of the commit that ended it. */
  readonly endedBy: string;
}

/** A span; the three columns of its end are null while it lasts. */
export interface AttachmentSpan extends NewAttachmentSpan {
  readonly spanId: number;
  readonly toPosition: number | null;
  readonly toAt: string | null;
  readonly endedBy: string | null;
}

/** All that is given must hold. */
export interface AttachmentQuery {
  readonly device?: string;
  readonly vm?: string;
  /** In force at this position. */
  readonly at?: number;
}

type SpanRow = Omit<AttachmentSpan, 'ste'> & { readonly ste: string | null };

const COLUMNS = `span_id AS spanId, device, vm, domain, kind, vste0, vste1, ste, vmid, actor,
  from_position AS fromPosition, from_at AS fromAt, to_position AS toPosition, to_at AS toAt,
  began_by AS beganBy, ended_by AS endedBy`;

const IN_FORCE = '(from_position <= @at AND (to_position IS NULL OR to_position > @at))';

/** The `attachments` table: spans of devices' attachments. */
export class Attachments {
  private readonly insert;
  private readonly finish;
  /** By the conditions they hold: one fixed statement would use no index. */
  private readonly selects = new Map<string, Database.Statement<[AttachmentQuery], SpanRow>>();
  private readonly removeAll;

  constructor(
    private readonly db: Database.Database,
    private readonly file: string,
  ) {
    this.insert = lazily<[Omit<NewAttachmentSpan, 'ste'> & { ste: string | null }], never>(
      db,
      `INSERT INTO attachments (device, vm, domain, kind, vste0, vste1, ste, vmid, actor,
         from_position, from_at, began_by)
       VALUES (@device, @vm, @domain, @kind, @vste0, @vste1, @ste, @vmid, @actor,
         @fromPosition, @fromAt, @beganBy)`,
    );
    this.finish = lazily<[AttachmentEnd & { readonly device: string }], never>(
      db,
      `UPDATE attachments SET to_position = @toPosition, to_at = @toAt, ended_by = @endedBy
       WHERE device = @device AND to_position IS NULL`,
    );
    this.removeAll = lazily<[], never>(db, 'DELETE FROM attachments');
  }

  /** Begins a span and returns its id. The device's open span is not ended by this. */
  begin(span: NewAttachmentSpan): number {
    const ste = span.ste === null ? null : JSON.stringify(span.ste);
    return guarded(this.file, () => Number(this.insert().run({ ...span, ste }).lastInsertRowid));
  }

  /** Ends the device's open span. Returns whether there was one. */
  end(device: string, end: AttachmentEnd): boolean {
    return guarded(this.file, () => this.finish().run({ ...end, device }).changes > 0);
  }

  /** Spans in the order in which they began. */
  find(query: AttachmentQuery = {}): readonly AttachmentSpan[] {
    return guarded(this.file, () => this.select(query).all(query).map(decode));
  }

  /** Deletes all of them. */
  clear(): void {
    guarded(this.file, () => this.removeAll().run());
  }

  private select(query: AttachmentQuery): Database.Statement<[AttachmentQuery], SpanRow> {
    const conditions = [
      ...(query.device === undefined ? [] : ['device = @device']),
      ...(query.vm === undefined ? [] : ['vm = @vm']),
      ...(query.at === undefined ? [] : [IN_FORCE]),
    ];
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const known = this.selects.get(where);
    if (known !== undefined) return known;
    const statement = this.db.prepare<[AttachmentQuery], SpanRow>(
      `SELECT ${COLUMNS} FROM attachments ${where} ORDER BY from_position, span_id`,
    );
    this.selects.set(where, statement);
    return statement;
  }
}

function decode(row: SpanRow): AttachmentSpan {
  return { ...row, ste: row.ste === null ? null : decodeWords(row.ste, row.spanId) };
}

function decodeWords(text: string, spanId: number): readonly string[] {
  try {
    const words: unknown = JSON.parse(text);
    if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  } catch {
    // Said below.
  }
  throw new LedgerError('corrupt', `ste of span ${spanId} is not a JSON array of words`);
}
