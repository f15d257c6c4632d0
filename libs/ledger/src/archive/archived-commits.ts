import type { Verification } from '../port';
import type { CommitRow, StoredText } from '../rows';
import { ARCHIVED, HeaderDigest, type ArchiveRecord } from './archived-commit';

type Bad = NonNullable<Verification['firstBad']>;

interface Met {
  readonly record: ArchiveRecord;
  readonly digest: HeaderDigest;
  /** Its first archived commit. */
  first: number;
}

/** What a verification meets of archived commits, against what the ledger says it let go of. */
export class ArchivedCommits {
  private readonly byHost: ReadonlyMap<string, Met>;

  constructor(records: readonly ArchiveRecord[]) {
    this.byHost = new Map(
      records.map((record) => [record.host, { record, digest: new HeaderDigest(), first: 0 }]),
    );
  }

  /** Takes the next archived commit, whose links were checked. @returns what is wrong with it. */
  faultOf(row: CommitRow<StoredText>, events: number): string | undefined {
    const host = Buffer.from(row.host).toString('utf8');
    const met = this.byHost.get(host);
    if (met === undefined) {
      return `it has no command, and no archive of ${JSON.stringify(host)} is recorded`;
    }
    if (events > 0 || row.commandWords !== null) return 'it is archived, and parts of it are here';
    if (Buffer.from(row.outcome).toString('utf8') !== ARCHIVED)
      return 'its outcome is not archived';
    if (met.digest.count === 0) met.first = row.position;
    met.digest.add(row);
    return undefined;
  }

  /** What is wrong with them as a whole. To be called once, after the last commit. */
  fault(): Bad | undefined {
    for (const { record, digest, first } of this.byHost.values()) {
      const { host, commits, headers } = record;
      const reason = `the archived commits of ${host} are not those that its archive took`;
      if (digest.count !== commits || digest.hex() !== headers) return { position: first, reason };
    }
    return undefined;
  }

  /** What is archived, by host. */
  named(): NonNullable<Verification['archived']> {
    return [...this.byHost.values()].map(({ record }) => {
      const { host, commits, file, sha256 } = record;
      return { host, commits, file, sha256 };
    });
  }
}
