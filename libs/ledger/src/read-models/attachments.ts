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
  /** 20 bits; null: the device's own traffic. */
  readonly pasid: number | null;
  /** The VM that holds the device; null when the host does. */
  readonly vm: string | null;
  readonly domain: string | null;
  readonly kind: string;
  /** The stage-2 parent at or below the domain. */
  readonly parent: string | null;
  /** The vSMMU that the device's vDEVICE belongs to. */
  readonly vsmmu: string | null;
  readonly vste0: string | null;
  readonly vste1: string | null;
  /** The 8 words of the STE in force, and of the one that was before. */
  readonly ste: readonly string[] | null;
  readonly steBefore: readonly string[] | null;
  /** What stood in memory at each CMD_CFGI_STE on the way from one to the other, the new one last. */
  readonly stesAtSync: readonly (readonly string[])[];
  /** 16 bits. */
  readonly vmid: number | null;
  /** 16 bits; of a stage-1 domain of the kernel's own. */
  readonly asid: number | null;
  /** Whether the STE in force lets ATS requests translate. */
  readonly ats: boolean;
  readonly actor: string;
  readonly fromPosition: number;
  readonly fromAt: string;
  /** Command id of the commit that began it, and the command's type. */
  readonly beganBy: string;
  readonly command: string | null;
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
  readonly vsmmu?: string;
  readonly parent?: string;
  /** In force at this position. */
  readonly at?: number;
}

/** JSON where the span has lists, 0 or 1 where it has a boolean. Rows of before 0003 have no such columns filled. */
interface Encoded {
  readonly ste: string | null;
  readonly steBefore: string | null;
  readonly stesAtSync: string | null;
  readonly ats: number | null;
}
type SpanRow = Omit<AttachmentSpan, keyof Encoded> & Encoded;

const COLUMNS = `span_id AS spanId, device, pasid, vm, domain, kind, parent, vsmmu, vste0, vste1, ste,
  ste_before AS steBefore, stes_at_sync AS stesAtSync, vmid, asid, ats, actor,
  from_position AS fromPosition, from_at AS fromAt, to_position AS toPosition, to_at AS toAt,
  began_by AS beganBy, ended_by AS endedBy, command`;

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
    this.insert = lazily<[Omit<NewAttachmentSpan, keyof Encoded> & Encoded], never>(
      db,
      `INSERT INTO attachments (device, pasid, vm, domain, kind, parent, vsmmu, vste0, vste1, ste,
         ste_before, stes_at_sync, vmid, asid, ats, actor, from_position, from_at, began_by, command)
       VALUES (@device, @pasid, @vm, @domain, @kind, @parent, @vsmmu, @vste0, @vste1, @ste,
         @steBefore, @stesAtSync, @vmid, @asid, @ats, @actor, @fromPosition, @fromAt, @beganBy,
         @command)`,
    );
    this.finish = lazily<
      [AttachmentEnd & { readonly device: string; readonly pasid: number | null }],
      never
    >(
      db,
      `UPDATE attachments SET to_position = @toPosition, to_at = @toAt, ended_by = @endedBy
       WHERE device = @device AND pasid IS @pasid AND to_position IS NULL`,
    );
    this.removeAll = lazily<[], never>(db, 'DELETE FROM attachments');
  }

  /** Begins a span and returns its id. The open span of the device or its PASID is not ended by this. */
  begin(span: NewAttachmentSpan): number {
    const row = encode(span);
    return guarded(this.file, () => Number(this.insert().run(row).lastInsertRowid));
  }

  /** Ends the open span of the device, or of one of its PASIDs. Returns whether there was one. */
  end(device: string, end: AttachmentEnd, pasid: number | null = null): boolean {
    return guarded(this.file, () => this.finish().run({ ...end, device, pasid }).changes > 0);
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
      ...(query.vsmmu === undefined ? [] : ['vsmmu = @vsmmu']),
      ...(query.parent === undefined ? [] : ['parent = @parent']),
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

function encode<T extends NewAttachmentSpan>(span: T): Omit<T, keyof Encoded> & Encoded {
  const { ste, steBefore, stesAtSync, ats } = span;
  return {
    ...span,
    ste: ste && JSON.stringify(ste),
    steBefore: steBefore && JSON.stringify(steBefore),
    stesAtSync: JSON.stringify(stesAtSync),
    ats: Number(ats),
  };
}

function decode(row: SpanRow): AttachmentSpan {
  const { spanId, ste, steBefore, stesAtSync, ats } = row;
  return {
    ...row,
    ste: ste === null ? null : wordsOf(parsed(ste, spanId), spanId),
    steBefore: steBefore === null ? null : wordsOf(parsed(steBefore, spanId), spanId),
    stesAtSync: stesAtSync === null ? [] : stesOf(parsed(stesAtSync, spanId), spanId),
    ats: ats === 1,
  };
}

function parsed(text: string, spanId: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(spanId);
  }
}

function stesOf(value: unknown, spanId: number): readonly (readonly string[])[] {
  if (!Array.isArray(value)) throw damaged(spanId);
  return value.map((words) => wordsOf(words, spanId));
}

function wordsOf(value: unknown, spanId: number): readonly string[] {
  const isWords = Array.isArray(value) && value.every((word) => typeof word === 'string');
  if (isWords) return value;
  throw damaged(spanId);
}

function damaged(spanId: number): LedgerError {
  return new LedgerError('corrupt', `an STE of span ${spanId} is not a JSON array of words`);
}
