import { z } from 'zod';
import type { Hash } from '../evidence/merkle-tree';
import { badLine, parseJson } from '../operations/interchange';

// An archive is text, packed, one JSON object a line: the first names the format and the host; then come all commits of
// that host in order, each followed by the digest recorded for it, as in an exported log; the last line proves that they
// are leaves of the tree over the ledger's first `size` commits.

const base64Hash = z.base64().refine((text) => Buffer.from(text, 'base64').length === 32);

const header = z.strictObject({
  steward: z.literal('archive'),
  format: z.literal(1),
  host: z.string().min(1),
});

const end = z.strictObject({
  proof: z.strictObject({
    commits: z.int().positive(),
    digests: z.int().nonnegative(),
    size: z.int().positive(),
    root: base64Hash,
    hashes: z.array(base64Hash),
    checkpoint: z.string().optional(),
  }),
});

/** The last line of an archive. */
export interface ArchiveProof {
  readonly commits: number;
  readonly digests: number;
  /** Commits of the tree. */
  readonly size: number;
  readonly root: Hash;
  /** Subtrees without a commit of the host, from left to right: see evidence/set-inclusion. */
  readonly hashes: readonly Hash[];
  /** A signed note of that tree. */
  readonly checkpoint?: string;
}

/** How the last line begins: no other does. */
const PROOF = '{"proof":';

export function formatHeader(host: string): string {
  return `${JSON.stringify({ steward: 'archive', format: 1, host })}\n`;
}

export function formatProof({ root, hashes, ...rest }: ArchiveProof): string {
  const proof = { ...rest, root: base64(root), hashes: hashes.map(base64) };
  return `${JSON.stringify({ proof })}\n`;
}

/** The host. @throws LedgerError `bad-export` for a text that does not begin an archive. */
export function parseHeader(text: string): string {
  const parsed = header.safeParse(parseJson(text, 1));
  if (parsed.success) return parsed.data.host;
  throw badLine(1, 'it does not begin an archive of a format known here');
}

/** The proof, when it stands here. @throws LedgerError `bad-export` */
export function parseProof(text: string, line: number): ArchiveProof | undefined {
  if (!text.startsWith(PROOF)) return undefined;
  const parsed = end.safeParse(parseJson(text, line));
  if (!parsed.success) throw badLine(line, z.prettifyError(parsed.error).replaceAll('\n', ' '));
  const { root, hashes, checkpoint, ...rest } = parsed.data.proof;
  return {
    ...rest,
    root: Buffer.from(root, 'base64'),
    hashes: hashes.map((hash) => Buffer.from(hash, 'base64')),
    ...(checkpoint !== undefined && { checkpoint }),
  };
}

function base64(hash: Hash): string {
  return Buffer.from(hash).toString('base64');
}
