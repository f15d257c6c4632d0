import { createHash, type Hash } from 'node:crypto';
import { LedgerError } from '../ledger-error';
import type { Archive } from '../port';
import type { CommitRow, StoredText } from '../rows';
import { FieldWriter } from '../tagged-fields';

/** An archive as the ledger tells of it. */
export interface ArchiveRecord extends Archive {
  /** SHA-256 over what stays of its commits, as 64 hex digits: see HeaderDigest. */
  readonly headers: string;
}

/** What `command` and `outcome` of an archived commit hold: the JSON null, which no command or outcome is. */
export const ARCHIVED = 'null';

/** What stays of an archived commit. */
export type StayingColumns = Omit<CommitRow<StoredText>, 'command' | 'commandWords' | 'outcome'>;

/** SHA-256 over what stays of a host's commits, one after the other, so that a change of it is found. */
export class HeaderDigest {
  private readonly hash: Hash = createHash('sha256');
  count = 0;

  add(row: StayingColumns): void {
    const fields = new FieldWriter(Buffer.alloc(512));
    fields.literal('steward archived commit 1\n');
    fields.integer(row.position);
    for (const column of ['host', 'at', 'actor', 'commandId'] as const) fields.text(row[column]);
    for (const column of ['correlationId', 'causationId'] as const) fields.text(row[column]);
    for (const column of ['prevHash', 'hash'] as const) fields.text(row[column]);
    this.hash.update(fields.bytes());
    this.count++;
  }

  /** 64 hex digits. To be called once, after the last commit. */
  hex(): string {
    return this.hash.digest('hex');
  }
}

/** The error for asking for what is in an archive. @param what names what was asked for. */
export function archivedError(what: string, { host, file, sha256, at }: Archive): LedgerError {
  const where = `the archive ${file} of ${host}, written ${at} (SHA-256 ${sha256})`;
  return new LedgerError('archived', `${what} is in ${where}; restoring that brings it back`);
}
