import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { z } from 'zod';
import { LedgerError } from '../ledger-error';
import { snapshotFile } from '../snapshots/snapshot-store';
import { backUp, checkpointsFile } from './backup';
import { BLOCK, paddingOf, tarHeader } from './tar';

// A bundle is a packed tar file: `manifest.json` first, then the files it lists, in its order. The
// ledger is a backup, so it needs nothing beside it.

export const MANIFEST_NAME = 'manifest.json';
export const LEDGER_NAME = 'ledger.db';

/** Names a bundle may hold; each is the ledger or lies beside it under that name. */
const NAMES = [LEDGER_NAME, checkpointsFile(LEDGER_NAME), snapshotFile(LEDGER_NAME)] as const;

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

/** What a bundle says of itself. */
export const manifestSchema = z.strictObject({
  steward: z.literal('bundle'),
  format: z.literal(1),
  commits: z.int().nonnegative(),
  /** Of the last commit; absent in an empty ledger. */
  hash: sha256Hex.optional(),
  files: z
    .array(z.strictObject({ name: z.enum(NAMES), bytes: z.int().nonnegative(), sha256: sha256Hex }))
    .refine(
      (files) =>
        files[0]?.name === LEDGER_NAME &&
        new Set(files.map((file) => file.name)).size === files.length,
      'expected the ledger first and every file once',
    ),
});
export type BundleManifest = z.infer<typeof manifestSchema>;

export interface BundleOptions {
  readonly ledger: string;
  /** Must not exist. */
  readonly bundle: string;
  /** Directory of the numbered `.sql` files. */
  readonly migrations: string;
  /** Whether the snapshots beside the ledger go along. */
  readonly snapshots: boolean;
}

/**
 * Packs a ledger, which may be in use, with its checkpoints into one file.
 * @throws LedgerError `exists`; as backUp
 */
export async function writeBundle(options: BundleOptions): Promise<BundleManifest> {
  const { ledger, bundle, migrations, snapshots } = options;
  if (existsSync(bundle))
    throw new LedgerError('exists', `${bundle} exists; it is not overwritten`);
  const folder = mkdtempSync(join(tmpdir(), 'steward-bundle-'));
  try {
    const to = join(folder, LEDGER_NAME);
    const { commits, hash } = await backUp({ from: ledger, to, migrations });
    const paths = new Map([
      [LEDGER_NAME, to],
      [checkpointsFile(LEDGER_NAME), checkpointsFile(to)],
      ...(snapshots ? [[snapshotFile(LEDGER_NAME), snapshotFile(ledger)] as const] : []),
    ]);
    const present = NAMES.filter((name) => existsSync(paths.get(name) ?? ''));
    const files = await Promise.all(
      present.map(async (name) => described(name, paths.get(name) ?? '')),
    );
    const manifest: BundleManifest = {
      ...{ steward: 'bundle', format: 1, commits, ...(hash !== undefined && { hash }), files },
    };
    const part = `${bundle}.part`;
    try {
      await pipeline(Readable.from(tar(manifest, paths)), createGzip(), createWriteStream(part));
      renameSync(part, bundle);
    } finally {
      rmSync(part, { force: true });
    }
    return manifest;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function described(
  name: (typeof NAMES)[number],
  path: string,
): Promise<BundleManifest['files'][number]> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { name, bytes: statSync(path).size, sha256: hash.digest('hex') };
}

async function* tar(
  manifest: BundleManifest,
  paths: ReadonlyMap<string, string>,
): AsyncGenerator<Buffer> {
  const first = Buffer.from(JSON.stringify(manifest));
  yield tarHeader({ name: MANIFEST_NAME, bytes: first.length });
  yield Buffer.concat([first, Buffer.alloc(paddingOf(first.length))]);
  for (const file of manifest.files) {
    yield tarHeader(file);
    for await (const chunk of createReadStream(paths.get(file.name) ?? '')) yield chunk as Buffer;
    yield Buffer.alloc(paddingOf(file.bytes));
  }
  yield Buffer.alloc(2 * BLOCK);
}
