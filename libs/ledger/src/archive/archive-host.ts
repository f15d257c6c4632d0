import { createWriteStream, existsSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type Database from 'better-sqlite3';
import { commitLeaf } from '../evidence/commit-tree';
import { TreeHead, type Hash } from '../evidence/merkle-tree';
import { proveSet } from '../evidence/set-inclusion';
import { LedgerError } from '../ledger-error';
import { assertVerified } from '../operations/assert-verified';
import { formatLine } from '../operations/interchange';
import { intoPlace } from '../operations/into-place';
import type { Ledger } from '../port';
import { ReadModels } from '../read-models/read-models';
import type { READ_MODEL_TABLES } from '../read-models/tables';
import { ArchiveTables } from '../sqlite/archive-tables';
import { openLedgerFile } from '../sqlite/ledger-file';
import { asLedgerError } from '../sqlite/sqlite-error';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import { ARCHIVED } from './archived-commit';
import { formatHeader, formatProof } from './archive-text';
import { readArchive, type CheckedArchive } from './read-archive';

export interface ArchiveOptions {
  readonly ledger: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
  /** One that takes no more commits: whoever calls this has seen to that. */
  readonly host: string;
  /** The archive to write. When there is one already it must be of exactly these commits: a run that was cut short. */
  readonly out: string;
  /** Signs the tree over all commits of the ledger, so that the archive can be checked against a key alone. */
  readonly sign?: (tree: { readonly size: number; readonly root: Hash }) => string;
  /** RFC 3339 in UTC. */
  readonly at: string;
}

/**
 * Moves the commits of a host out of a ledger. First the archive is written, made durable and read back; then, in one
 * transaction, the ledger lets go of their commands, answers and events. Whenever it is cut short, either the ledger is
 * as it was, with or without an archive beside it, or all of it has happened. What is freed in the file is used by
 * later commits.
 * @throws LedgerError `archived`, `missing` when it has no commits, `exists`, `tampered` for a ledger that does not verify, `busy` when the host's
 *   commits have moved meanwhile; as SqliteLedger.open
 */
export async function archiveHost(options: ArchiveOptions): Promise<CheckedArchive> {
  const { ledger: file, migrations, host, out } = options;
  if (!existsSync(out)) await writeArchive(options);
  const archive = await readArchive(out);
  if (archive.host !== host) {
    throw new LedgerError('exists', `${out} exists and is an archive of ${archive.host}`);
  }
  const { db } = openLedgerFile({ file, mode: 'write', migrations });
  try {
    db.transaction(() => letGo(db, archive, options)).immediate();
  } catch (error) {
    throw asLedgerError(error, file);
  } finally {
    db.close();
  }
  return archive;
}

async function writeArchive({
  ledger: file,
  migrations,
  host,
  out,
  sign,
}: ArchiveOptions): Promise<void> {
  const ledger = await SqliteLedger.open({ file, mode: 'read', migrations });
  const readModels = ReadModels.open({ file, mode: 'read', migrations });
  try {
    await assertVerified(ledger, file);
    await intoPlace(out, async (part) => {
      const text = Readable.from(textOf(ledger, readModels, { host, ...(sign && { sign }) }));
      await pipeline(text, createGzip({ level: 9 }), createWriteStream(part));
    });
  } finally {
    readModels.close();
    await ledger.close();
  }
}

async function* textOf(
  ledger: Ledger,
  { digests: recorded }: ReadModels,
  { host, sign }: Pick<ArchiveOptions, 'host' | 'sign'>,
): AsyncGenerator<string> {
  const size = await ledger.latest();
  let commits = 0;
  let digests = 0;
  yield formatHeader(host);
  for await (const commit of ledger.commits({ host, until: size })) {
    yield formatLine({ commit });
    commits++;
    const digest = recorded.at(commit.position);
    if (digest === undefined) continue;
    yield formatLine({ digest });
    digests++;
  }
  if (commits === 0) throw new LedgerError('missing', `there are no commits of ${host}`);
  const leaves: Hash[] = [];
  const members: number[] = [];
  const head = new TreeHead();
  for await (const { position, hash, host: of } of ledger.headers({ until: size })) {
    const leaf = commitLeaf(hash);
    leaves.push(leaf);
    head.append(leaf);
    if (of === host) members.push(position - 1);
  }
  const root = head.root();
  const hashes = proveSet((first, end) => leaves.slice(first, end), members, size);
  const checkpoint = sign?.({ size, root });
  yield formatProof({
    ...{ commits, digests, size, root, hashes },
    ...(checkpoint !== undefined && { checkpoint }),
  });
}

/** Within the transaction: nothing of the host may have changed since the archive was written. */
function letGo(
  db: Database.Database,
  archive: CheckedArchive,
  { at, out, ledger }: ArchiveOptions,
): void {
  const { host, commits, events, headers, sha256, last } = archive;
  // Done already, by a run whose answer was lost.
  if (new ArchiveTables(db).ofHost(host)?.headers === headers) return;
  const there = db
    .prepare<[string], { n: number; last: number | null; gone: number | null }>(
      `SELECT count(*) AS n, max(position) AS last, sum(command = '${ARCHIVED}') AS gone
       FROM commits WHERE host = ?`,
    )
    .get(host);
  if (there?.n !== commits || there.last !== last || there.gone !== 0) {
    const message = `${ledger}: its commits of ${host} are not those in ${out}`;
    throw new LedgerError('busy', message);
  }
  db.prepare(
    `INSERT INTO archives (host, commits, events, headers, file, sha256, archived_at)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  ).run(host, commits, events, headers, out, sha256, at);
  const stream = db.prepare('INSERT INTO archived_streams (stream, host) VALUES (?, ?)');
  for (const name of archive.streams.keys()) stream.run(name, host);
  const ofHost = '(SELECT position FROM commits WHERE host = ?)';
  db.prepare(`DELETE FROM events WHERE position IN ${ofHost}`).run(host);
  for (const [table, column] of Object.entries(READ_MODEL_ROWS)) {
    db.prepare(`DELETE FROM ${table} WHERE ${column} IN ${ofHost}`).run(host);
  }
  db.prepare(
    `UPDATE commits SET command = '${ARCHIVED}', outcome = '${ARCHIVED}', command_words = NULL
     WHERE host = ?`,
  ).run(host);
}

/** Rows of read models that were computed from a commit, by the column that says from which. */
const READ_MODEL_ROWS: Readonly<
  Record<Exclude<(typeof READ_MODEL_TABLES)[number], 'checkpoints'>, string>
> = { effects: 'position', attachments: 'from_position', attempts: 'position' };
