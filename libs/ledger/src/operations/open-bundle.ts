import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LedgerError } from '../ledger-error';
import { snapshotFile } from '../snapshots/snapshot-store';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import { assertVerified } from './assert-verified';
import { assertPlainFile } from './backup';
import { LEDGER_NAME, MANIFEST_NAME, manifestSchema, type BundleManifest } from './bundle';
import { ByteSource } from './byte-source';
import { headerAt } from './header-at';
import { BLOCK, paddingOf } from './tar';

/** Largest manifest, in bytes: it lists three files. */
const MANIFEST_BYTES_MAX = 64 * 1024;
/** Zeros a packer may put at the end, in bytes. */
const END_BYTES_MAX = 64 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** How a gzip file begins (RFC 1952 §2.3.1). */
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** A bundle unpacked. */
export interface OpenedBundle {
  /** Where its ledger lies. */
  readonly ledger: string;
  /** Where the snapshots lie that came with it, which nothing proves. */
  readonly snapshots?: string;
  readonly manifest: BundleManifest;
}

export interface UnpackOptions {
  readonly bundle: string;
  /** An empty folder. */
  readonly folder: string;
  readonly migrations: string;
  /** Most bytes that its files may have together; what the folder's disk has room for by default. */
  readonly bytesMax?: number;
}

/** Whether a file begins as a bundle does. A ledger never does. */
export function isBundle(file: string): boolean {
  if (!existsSync(file)) return false;
  const start = Buffer.alloc(GZIP_MAGIC.length);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, start, 0, start.length, 0);
  } catch {
    return false;
  } finally {
    closeSync(descriptor);
  }
  return start.equals(GZIP_MAGIC);
}

/**
 * Unpacks a bundle from anywhere into an empty folder, believing nothing of it: names are those a
 * bundle may have, sizes and digests those of its manifest and no more than there is room for; the
 * ledger in it has only tables and indexes, verifies, and ends as the manifest says.
 * @throws LedgerError `missing`, `bad-bundle`, `tampered`, `unknown-schema`; as SqliteLedger.open
 */
export async function openBundle(options: UnpackOptions): Promise<OpenedBundle> {
  const { bundle, folder, migrations } = options;
  if (!existsSync(bundle)) throw new LedgerError('missing', `${bundle}: there is no such file`);
  const source = new ByteSource(bundle);
  try {
    const manifest = await readManifest(source);
    const { bavail, bsize } = statfsSync(folder);
    const bytesMax = options.bytesMax ?? bavail * bsize;
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    if (bytes > bytesMax)
      throw source.bad(`its files have ${bytes} bytes, ${bytesMax} may be taken`);
    for (const file of manifest.files) await unpack(source, file, join(folder, file.name));
    await readEnd(source);
    const ledger = join(folder, LEDGER_NAME);
    assertPlainFile(ledger);
    await assertAsManifest(ledger, { manifest, migrations, bundle });
    const snapshots = snapshotFile(ledger);
    return { ledger, manifest, ...(existsSync(snapshots) && { snapshots }) };
  } finally {
    source.close();
  }
}

async function readManifest(source: ByteSource): Promise<BundleManifest> {
  const { name, bytes } = await source.entry();
  if (name !== MANIFEST_NAME || bytes > MANIFEST_BYTES_MAX) throw source.bad('it has no manifest');
  const text = (await source.exactly(bytes)).toString('utf8');
  await source.exactly(paddingOf(bytes));
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw source.bad('its manifest is not JSON');
  }
  const parsed = manifestSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw source.bad(`its manifest: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}`);
}

async function unpack(
  source: ByteSource,
  { name, bytes, sha256 }: BundleManifest['files'][number],
  path: string,
): Promise<void> {
  const entry = await source.entry();
  if (entry.name !== name || entry.bytes !== bytes) {
    throw source.bad(
      `${JSON.stringify(entry.name)} of ${entry.bytes} bytes stands where ${name} was expected`,
    );
  }
  const hash = createHash('sha256');
  // `wx`: never through a link that somebody put there.
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    for (let left = bytes; left > 0;) {
      const chunk = await source.some(Math.min(left, CHUNK_BYTES));
      hash.update(chunk);
      writeSync(descriptor, chunk);
      left -= chunk.length;
    }
  } finally {
    closeSync(descriptor);
  }
  await source.exactly(paddingOf(bytes));
  if (hash.digest('hex') !== sha256) throw source.bad(`${name} is not the file its manifest lists`);
}

async function readEnd(source: ByteSource): Promise<void> {
  for (let zeros = 0; !(await source.isAtEnd());) {
    const chunk = await source.some(BLOCK);
    zeros += chunk.length;
    if (zeros > END_BYTES_MAX || chunk.some((byte) => byte !== 0)) {
      throw source.bad('it holds more than its manifest lists');
    }
  }
}

async function assertAsManifest(
  file: string,
  {
    manifest,
    migrations,
    bundle,
  }: Pick<UnpackOptions, 'migrations' | 'bundle'> & { readonly manifest: BundleManifest },
): Promise<void> {
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'read' });
  try {
    const commits = await assertVerified(ledger, bundle);
    const hash = (await headerAt(ledger, commits))?.hash;
    if (commits !== manifest.commits || hash !== manifest.hash) {
      throw new LedgerError(
        'bad-bundle',
        `${bundle}: its ledger does not end as its manifest says`,
      );
    }
  } finally {
    await ledger.close();
  }
}
