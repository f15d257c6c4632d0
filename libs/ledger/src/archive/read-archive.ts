import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { openCheckpoint } from '../evidence/checkpoint';
import { commitLeaf } from '../evidence/commit-tree';
import type { Hash } from '../evidence/merkle-tree';
import { rootOfSet } from '../evidence/set-inclusion';
import type { VerifierKey } from '../evidence/signed-note';
import { LedgerError } from '../ledger-error';
import { badLine, hashOfStored, parseLine } from '../operations/interchange';
import { linesOf } from '../operations/lines';
import type { StoredCommit } from '../port';
import type { RecordedDigest } from '../read-models/digests';
import { HeaderDigest } from './archived-commit';
import { parseHeader, parseProof, type ArchiveProof } from './archive-text';

/** An archive that was read to its end and holds what it says. */
export interface CheckedArchive {
  readonly host: string;
  readonly commits: number;
  readonly events: number;
  readonly digests: number;
  /** First and last position. */
  readonly first: number;
  readonly last: number;
  /** Number of events by stream. */
  readonly streams: ReadonlyMap<string, number>;
  /** Of what stays of its commits in the ledger: see HeaderDigest. */
  readonly headers: string;
  /** The tree its commits were shown to be leaves of. */
  readonly size: number;
  readonly root: Hash;
  /** Whether the key asked for signed that tree; absent when none was asked for. */
  readonly signed?: boolean;
  /** SHA-256 of the file, 64 hex digits. */
  readonly sha256: string;
}

/** What a reader is handed on the way: nothing is proved before the end. */
export interface ArchiveVisitor {
  commit?(commit: StoredCommit): void;
  digest?(digest: RecordedDigest): void;
}

/**
 * Reads an archive from anywhere and believes nothing of it: every commit is of its host, hashes to the hash it bears
 * and continues its streams from their first event on, and all of them together are leaves of the tree that its proof
 * (and, with a key, its signed checkpoint) names. It needs no ledger for that.
 * @throws LedgerError `missing`, `bad-archive` saying what is wrong with it.
 */
export async function readArchive(
  file: string,
  {
    visitor = {},
    signedBy,
  }: { readonly visitor?: ArchiveVisitor; readonly signedBy?: VerifierKey } = {},
): Promise<CheckedArchive> {
  if (!existsSync(file)) throw new LedgerError('missing', `${file}: there is no such archive`);
  const sha256 = createHash('sha256');
  const reading = new ArchiveReading(visitor);
  let line = 0;
  try {
    await pipeline(
      createReadStream(file),
      async function* (bytes: AsyncIterable<Buffer>) {
        for await (const chunk of bytes) {
          sha256.update(chunk);
          yield chunk;
        }
      },
      createGunzip(),
      async (unpacked: AsyncIterable<Buffer>) => {
        for await (const text of linesOf(decoded(unpacked))) reading.take(text, ++line);
      },
    );
    return { ...reading.checked(line, signedBy), sha256: sha256.digest('hex') };
  } catch (error) {
    throw asBadArchive(file, error);
  }
}

class ArchiveReading {
  private host: string | undefined;
  private proof: ArchiveProof | undefined;
  private readonly members: { readonly index: number; readonly leaf: Hash }[] = [];
  private readonly streams = new Map<string, number>();
  private readonly headers = new HeaderDigest();
  private events = 0;
  private digests = 0;
  private last = 0;

  constructor(private readonly visitor: ArchiveVisitor) {}

  take(text: string, line: number): void {
    if (this.host === undefined) {
      this.host = parseHeader(text);
      return;
    }
    if (this.proof !== undefined) throw badLine(line, 'there is more after the end');
    this.proof = parseProof(text, line);
    if (this.proof !== undefined) return;
    const parsed = parseLine(text, line);
    if ('commit' in parsed) this.commit(parsed.commit, line);
    else if ('digest' in parsed) this.digest(parsed.digest, line);
    else throw badLine(line, 'a log ends here, and an archive does not');
  }

  checked(line: number, signedBy: VerifierKey | undefined): Omit<CheckedArchive, 'sha256'> {
    const { host, proof, members, events, digests, last, streams } = this;
    if (host === undefined || proof === undefined)
      throw badLine(line + 1, 'it ends before its end');
    if (proof.commits !== members.length || proof.digests !== digests) {
      throw badLine(line, `it ends after ${members.length} commits and ${digests} digests`);
    }
    const { size, root, hashes, checkpoint } = proof;
    const computed = rootOfSet(members, size, hashes);
    if (computed === undefined || !Buffer.from(computed).equals(root)) {
      throw badLine(
        line,
        `its commits are not leaves of the tree of ${size} commits that it names`,
      );
    }
    const first = (members[0]?.index ?? 0) + 1;
    const commits = members.length;
    const found = { host, commits, events, digests, first, last, streams, size, root };
    if (signedBy === undefined) return { ...found, headers: this.headers.hex() };
    const opened = checkpoint === undefined ? undefined : openCheckpoint(checkpoint, signedBy);
    const signed = opened?.size === size && Buffer.from(opened.root).equals(root);
    return { ...found, headers: this.headers.hex(), signed };
  }

  private commit(commit: StoredCommit, line: number): void {
    const { position, host, hash } = commit;
    const fault =
      (host !== this.host && `it is of ${JSON.stringify(host)}`) ||
      (position <= this.last && 'it is out of order') ||
      this.versionFault(commit) ||
      (hashOfStored(commit) !== hash && `it hashes to ${hashOfStored(commit)}, not ${hash}`);
    if (fault) throw badLine(line, `commit ${position}: ${fault}`);
    this.last = position;
    this.events += commit.events.length;
    this.members.push({ index: position - 1, leaf: commitLeaf(hash) });
    const { correlationId = null, causationId = null } = commit;
    this.headers.add({ ...commit, correlationId, causationId });
    this.visitor.commit?.(commit);
  }

  private versionFault({ events }: StoredCommit): string | undefined {
    for (const { stream, version } of events) {
      const expected = (this.streams.get(stream) ?? 0) + 1;
      if (version !== expected) return `version ${version} of ${stream}, expected ${expected}`;
      this.streams.set(stream, version);
    }
    return undefined;
  }

  private digest(digest: RecordedDigest, line: number): void {
    if (digest.position !== this.last || digest.host !== this.host) {
      throw badLine(line, `a digest of commit ${digest.position} out of order`);
    }
    this.digests++;
    this.visitor.digest?.(digest);
  }
}

async function* decoded(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
}

function asBadArchive(file: string, error: unknown): unknown {
  // By shape: zlib's errors are no `Error` of another realm (a test sandbox).
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (!/^(bad-export|invalid-draft|Z_.*|ERR_.*)$/.test(String(code))) return error;
  return new LedgerError('bad-archive', `${file}: ${String(message)}`, { cause: error });
}
