import { closeSync, mkdirSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { LedgerError } from '../ledger-error';

// The SQLite file format, https://sqlite.org/fileformat2.html §1.3: offsets into the header, all
// values big-endian.
const MAGIC = 'SQLite format 3\0';
// A rollback journal with something to roll back begins so (§3).
const JOURNAL_MAGIC = Buffer.from([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
const HEADER_BYTES = 100;
const PAGE_SIZE_AT = 16;
const CHANGE_COUNTER_AT = 24;
const PAGE_COUNT_AT = 28;
const PAGE_COUNT_VALID_FOR_AT = 92;

/**
 * Looks at a file before SQLite does: SQLite would create a missing one, drop the WAL of one that
 * was cut down to nothing, and read a page cut short as one that ends in zeros. Makes the directory
 * of a file that is to be created; changes nothing else.
 * @param mayCreate whether a missing or empty file is one to be filled.
 * @throws LedgerError `missing`, `not-a-ledger`, `corrupt`, `io`
 */
export function inspectFile(file: string, mayCreate: boolean): void {
  const stats = statsOf(file);
  if (stats === undefined) {
    if (!mayCreate) {
      throw new LedgerError('missing', `${file}: there is no such file; expected a ledger`);
    }
    systemCall(file, () => mkdirSync(dirname(file), { recursive: true }));
    return;
  }
  if (!stats.isFile()) {
    throw new LedgerError('not-a-ledger', `${file}: not a file; expected a ledger`);
  }
  const hasWal = walBytes(file) > 0;
  if (stats.size === 0) inspectEmptyFile(file, { mayCreate, hasWal });
  else inspectHeader(file, { size: stats.size, hasWal });
}

function inspectEmptyFile(
  file: string,
  { mayCreate, hasWal }: { readonly mayCreate: boolean; readonly hasWal: boolean },
): void {
  if (hasWal) {
    throw new LedgerError(
      'corrupt',
      `${file}: truncated to nothing, while ${file}-wal still holds commits; expected a ledger`,
    );
  }
  if (!mayCreate) {
    throw new LedgerError('not-a-ledger', `${file}: the file is empty; expected a ledger`);
  }
}

function inspectHeader(
  file: string,
  { size, hasWal }: { readonly size: number; readonly hasWal: boolean },
): void {
  // Creation was cut short: SQLite takes the file back to what it was, which is nothing.
  if (hasHotJournal(file)) return;
  const header = readHeader(file);
  if (header.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) {
    throw new LedgerError('not-a-ledger', `${file}: not an SQLite database; expected a ledger`);
  }
  if (header.length < HEADER_BYTES) throw truncated(file, size, HEADER_BYTES);
  // Beside a WAL the file itself may lag behind or be half way through a checkpoint; SQLite mends
  // that.
  if (hasWal) return;
  const expected = sizeByHeader(header);
  if (expected !== undefined && size < expected) throw truncated(file, size, expected);
}

/**
 * What the header says the file's size is, in bytes; undefined when it makes no valid statement.
 */
function sizeByHeader(header: Buffer): number | undefined {
  if (header.readUInt32BE(CHANGE_COUNTER_AT) !== header.readUInt32BE(PAGE_COUNT_VALID_FOR_AT)) {
    return undefined;
  }
  const stored = header.readUInt16BE(PAGE_SIZE_AT);
  const pageSize = stored === 1 ? 65_536 : stored;
  return header.readUInt32BE(PAGE_COUNT_AT) * pageSize;
}

function hasHotJournal(file: string): boolean {
  const journal = `${file}-journal`;
  if ((statsOf(journal)?.size ?? 0) < JOURNAL_MAGIC.length) return false;
  return readHeader(journal).subarray(0, JOURNAL_MAGIC.length).equals(JOURNAL_MAGIC);
}

function readHeader(file: string): Buffer {
  return systemCall(file, () => {
    const header = Buffer.alloc(HEADER_BYTES);
    const descriptor = openSync(file, 'r');
    try {
      return header.subarray(0, readSync(descriptor, header, 0, HEADER_BYTES, 0));
    } finally {
      closeSync(descriptor);
    }
  });
}

/** Size of the write-ahead log that stands beside a ledger, in bytes; 0 when there is none. */
export function walBytes(file: string): number {
  return statsOf(`${file}-wal`)?.size ?? 0;
}

function statsOf(file: string): Stats | undefined {
  return systemCall(file, () => {
    try {
      return statSync(file, { throwIfNoEntry: false });
    } catch (error) {
      // A path through something that is no directory: nothing can be there.
      if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
      throw error;
    }
  });
}

function systemCall<T>(file: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw new LedgerError('io', `${file}: ${(cause as Error).message}`, { cause });
  }
}

function truncated(file: string, size: number, expected: number): LedgerError {
  return new LedgerError(
    'corrupt',
    `${file}: truncated to ${size} bytes; expected at least ${expected}`,
  );
}
