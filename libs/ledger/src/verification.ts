import { ARCHIVED } from './archive/archived-commit';
import { ArchivedCommits } from './archive/archived-commits';
import { GENESIS_HASH, hashCommit } from './commit-hash';
import type { RawCommit, RawEvent, RawLog } from './commit-store';
import { decodeJson } from './json';
import { LedgerError } from './ledger-error';
import { PAGE_ROWS } from './limits';
import type { Verification } from './port';
import type { CommitRow, StoredText } from './rows';

type Bad = NonNullable<Verification['firstBad']>;

/**
 * Recomputes the whole chain from the stored bytes and names the first commit that is not as it was
 * written.
 *
 * Found: any changed byte of a commit or event, gaps, missing, added and moved rows, broken stream
 * versions, digests without a commit, a damaged file. Not found from the file alone: a chain
 * recomputed to its end by someone who knows how, or a cut-off tail whose digests were cut off too.
 */
export async function verifyLog(log: RawLog): Promise<Verification> {
  const verification = new LogVerification(log);
  const firstBad = (await verification.firstBad()) ?? null;
  const found = { ok: firstBad === null, commits: await countCommits(log), firstBad };
  const archived = verification.archived.named();
  return archived.length === 0 ? found : { ...found, archived };
}

/** A damaged file may not even count; then what is known is that nothing can be vouched for. */
async function countCommits(log: RawLog): Promise<number> {
  try {
    return await log.commitCount();
  } catch (error) {
    if (error instanceof LedgerError) return 0;
    throw error;
  }
}

class LogVerification {
  archived = new ArchivedCommits([]);
  private position = 0;
  private hash = GENESIS_HASH;
  private readonly versions = new Map<string, number>();
  private events: readonly RawEvent[] = [];
  private nextEvent = 0;
  private lastRowid = 0;
  /** Why no further event could be read. */
  private damage: string | undefined;

  constructor(private readonly log: RawLog) {}

  async firstBad(): Promise<Bad | undefined> {
    const bad = await this.orDamage(() => this.scan());
    if (bad === undefined) {
      return this.orDamage(
        async () => (await this.afterEnd()) ?? this.archived.fault() ?? this.log.structure(),
      );
    }
    // A row moved to an earlier commit makes that one the first bad, though the scan met it later.
    const moved = await this.orDamage(() => this.movedBefore(bad.position));
    return moved !== undefined && moved.position < bad.position ? moved : bad;
  }

  private async scan(): Promise<Bad | undefined> {
    this.archived = new ArchivedCommits(await this.log.archives());
    for (;;) {
      const page = await readPage((limit) => this.log.commits(this.position, limit));
      if (page.length === 0) return undefined;
      for (const commit of page) {
        const bad = await this.checkCommit(commit);
        if (bad !== undefined) return bad;
      }
      // Verifying a long log must not keep a server from answering.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private async checkCommit(commit: RawCommit): Promise<Bad | undefined> {
    const position = this.position + 1;
    if (commit.row.position !== position) {
      return { position, reason: `commit ${position} is missing` };
    }
    const events = await this.eventsOf(position);
    const isArchived = text(commit.row.command) === ARCHIVED;
    const reason = isArchived ? this.archivedFault(commit, events) : this.fault(commit, events);
    if (reason !== undefined) return { position, reason };
    this.position = position;
    this.hash = text(commit.row.hash);
    return undefined;
  }

  /** Of a commit whose content is in an archive the hash stays, and what it is linked to. */
  private archivedFault(commit: RawCommit, events: readonly RawEvent[]): string | undefined {
    return (
      typeFault(commit, events) ??
      this.chainFault(commit.row) ??
      this.archived.faultOf(commit.row, events.length)
    );
  }

  private fault(commit: RawCommit, events: readonly RawEvent[]): string | undefined {
    return (
      typeFault(commit, events) ??
      this.chainFault(commit.row) ??
      indexFault(events) ??
      this.damageFault(commit.row, events) ??
      hashFault(commit.row, events) ??
      this.versionFault(events) ??
      contentFault(commit.row, events)
    );
  }

  /** The rows that stand next in the table and say that they belong to `position`. */
  private async eventsOf(position: number): Promise<RawEvent[]> {
    const events: RawEvent[] = [];
    for (;;) {
      const event = await this.peekEvent();
      if (event === undefined || event.row.position !== position) return events;
      events.push(event);
      this.nextEvent++;
      this.lastRowid = event.rowid;
    }
  }

  private async peekEvent(): Promise<RawEvent | undefined> {
    if (this.nextEvent >= this.events.length && this.damage === undefined) {
      try {
        this.events = await readPage((limit) => this.log.events(this.lastRowid, limit));
      } catch (error) {
        // Met while looking for the end of one commit, it may well belong to the next: the hash
        // tells.
        this.damage = damageOf(error);
        this.events = [];
      }
      this.nextEvent = 0;
    }
    return this.events[this.nextEvent];
  }

  private damageFault(row: CommitRow<StoredText>, events: readonly RawEvent[]): string | undefined {
    if (this.damage === undefined || hashFault(row, events) === undefined) return undefined;
    return `its events can't be read: ${this.damage}`;
  }

  private chainFault(row: CommitRow<StoredText>): string | undefined {
    if (text(row.prevHash) === this.hash) return undefined;
    return row.position === 1
      ? 'its prev_hash is not that of a first commit'
      : `its prev_hash is not the hash of commit ${row.position - 1}`;
  }

  private versionFault(events: readonly RawEvent[]): string | undefined {
    for (const { row } of events) {
      const stream = text(row.stream);
      const expected = (this.versions.get(stream) ?? 0) + 1;
      if (row.version !== expected) {
        return `event ${row.position}/${row.idx} is version ${row.version} of ${JSON.stringify(stream)}, expected ${expected}`;
      }
      this.versions.set(stream, expected);
    }
    return undefined;
  }

  /** What stands after the last commit: nothing should. */
  private async afterEnd(): Promise<Bad | undefined> {
    const moved = await this.movedBefore(this.position + 1);
    if (moved !== undefined) return moved;
    const event = await this.peekEvent();
    if (this.damage !== undefined) return { position: this.position + 1, reason: this.damage };
    // Appends may have gone on while the scan ran; theirs are not verified, but they are not faults
    // either.
    const latest = await this.log.commitCount();
    if (
      event !== undefined &&
      !(event.row.position > this.position && event.row.position <= latest)
    ) {
      const position = Math.max(this.position + 1, integerOr(event.row.position, 0));
      return { position, reason: `there are events of commit ${position}, but no commit` };
    }
    const digest = await this.log.digestAfter(latest);
    if (digest === undefined) return undefined;
    return {
      position: digest,
      reason: `a digest is recorded for commit ${digest}, which is missing`,
    };
  }

  private async movedBefore(position: number): Promise<Bad | undefined> {
    const moved = await this.log.misplacedEvent(position, this.lastRowid);
    if (moved === undefined) return undefined;
    return {
      position: moved,
      reason: `an event of commit ${moved} stands out of order in the table`,
    };
  }

  private async orDamage(read: () => Promise<Bad | undefined>): Promise<Bad | undefined> {
    try {
      return await read();
    } catch (error) {
      return { position: this.position + 1, reason: damageOf(error) };
    }
  }
}

/** The message of an error that tells of a damaged file; any other is thrown on. */
function damageOf(error: unknown): string {
  if (error instanceof LedgerError && error.code === 'corrupt') return error.message;
  throw error;
}

/**
 * A page; where the database can't read a whole page of rows, one row, so that all that is readable
 * is verified first.
 */
async function readPage<Row>(
  read: (limit: number) => readonly Row[] | Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  try {
    return await read(PAGE_ROWS);
  } catch (error) {
    damageOf(error);
    return read(1);
  }
}

function typeFault(commit: RawCommit, events: readonly RawEvent[]): string | undefined {
  if (!commit.typed) return 'a column of the commit has another type than the schema';
  const event = events.find((candidate) => !candidate.typed);
  return (
    event &&
    `a column of event ${event.row.position}/${event.row.idx} has another type than the schema`
  );
}

function indexFault(events: readonly RawEvent[]): string | undefined {
  const index = events.findIndex((event, i) => event.row.idx !== i);
  const found = events[index];
  return (
    found && `event ${found.row.position}/${found.row.idx} stands where /${index} was expected`
  );
}

function hashFault(row: CommitRow<StoredText>, events: readonly RawEvent[]): string | undefined {
  const actual = hashCommit(
    row,
    events.map((event) => event.row),
  );
  if (actual === text(row.hash)) return undefined;
  return `its stored bytes hash to ${actual}, its hash column says ${JSON.stringify(text(row.hash))}`;
}

/** Bytes with a good hash that no reader could use: written by something other than this ledger. */
function contentFault(row: CommitRow<StoredText>, events: readonly RawEvent[]): string | undefined {
  try {
    decodeJson(text(row.command), 'its command');
    decodeJson(text(row.outcome), 'its outcome');
    for (const event of events) {
      decodeJson(text(event.row.payload), `the payload of event ${row.position}/${event.row.idx}`);
    }
    return undefined;
  } catch (error) {
    if (error instanceof LedgerError) return error.message;
    throw error;
  }
}

function text(value: StoredText): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('utf8');
}

function integerOr(value: number, otherwise: number): number {
  return Number.isSafeInteger(value) ? value : otherwise;
}
