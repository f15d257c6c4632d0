import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import {
  MIGRATIONS,
  appended,
  draft,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import { LedgerError } from '../ledger-error';
import { snapshotFile } from '../snapshots/snapshot-store';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import { checkpointsFile } from './backup';
import { writeBundle, type BundleManifest } from './bundle';
import { isBundle, openBundle, type OpenedBundle } from './open-bundle';
import { BLOCK, paddingOf, tarHeader } from './tar';

const migrations = MIGRATIONS;
let ledger: string;
let bundle: string;

beforeEach(async () => {
  ledger = join(temporaryDirectory(), 'ledger.db');
  bundle = join(temporaryDirectory(), 'lab.bundle');
  const open = await SqliteLedger.open({
    file: ledger,
    migrations,
    mode: 'create',
    writer: 'here',
  });
  for (const id of ['a', 'b', 'c']) await appended(open, draft(id));
  await open.close();
  writeFileSync(checkpointsFile(ledger), 'signed');
  writeFileSync(snapshotFile(ledger), 'states');
});
afterEach(removeTemporaryDirectories);

const write = (snapshots = false): Promise<BundleManifest> =>
  writeBundle({ ledger, bundle, migrations, snapshots });

/** Opens a bundle in a folder of its own, in a folder that must stay as it is. */
async function opened(bytesMax?: number): Promise<OpenedBundle> {
  const around = temporaryDirectory();
  const folder = join(around, 'inside');
  mkdirSync(folder);
  try {
    return await openBundle({
      bundle,
      folder,
      migrations,
      ...(bytesMax !== undefined && { bytesMax }),
    });
  } finally {
    expect(readdirSync(around)).toEqual(['inside']);
  }
}

const refusal = (bytesMax?: number): Promise<string> =>
  opened(bytesMax).then(
    () => 'opened',
    (error: unknown) => {
      if (!(error instanceof LedgerError)) throw error;
      return `${error.code}: ${error.message}`;
    },
  );

interface Packed {
  readonly name: string;
  readonly content: Buffer;
}

/** Packs whatever is given, with a manifest that lists it, changed as a test wants. */
function pack(
  files: readonly Packed[],
  change: (manifest: Record<string, unknown>) => unknown = (m) => m,
): void {
  const manifest = change({
    ...{ steward: 'bundle', format: 1, commits: 3 },
    files: files.map(({ name, content }) => ({
      ...{ name, bytes: content.length },
      sha256: createHash('sha256').update(content).digest('hex'),
    })),
  });
  const all = [{ name: 'manifest.json', content: Buffer.from(JSON.stringify(manifest)) }, ...files];
  const blocks = all.flatMap(({ name, content }) => [
    ...[tarHeader({ name, bytes: content.length }), content],
    Buffer.alloc(paddingOf(content.length)),
  ]);
  writeFileSync(bundle, gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])));
}

describe('a bundle', () => {
  it('opens elsewhere with the ledger and its checkpoints, and its snapshots when asked for', async () => {
    const manifest = await write();
    expect(manifest).toMatchObject({
      commits: 3,
      files: [{ name: 'ledger.db' }, { name: 'ledger.db.checkpoints' }],
    });
    expect([isBundle(bundle), isBundle(ledger)]).toEqual([true, false]);
    const { ledger: file, ...rest } = await opened();
    expect(rest).toEqual({ manifest });
    expect(readFileSync(checkpointsFile(file), 'utf8')).toBe('signed');
    const reader = await SqliteLedger.open({ file, migrations, mode: 'read' });
    expect((await reader.commit(3))?.hash).toBe(manifest.hash);
    await reader.close();
    await expect(write()).rejects.toMatchObject({ code: 'exists' });
    bundle = `${bundle}.2`;
    await write(true);
    expect(readFileSync((await opened()).snapshots ?? '', 'utf8')).toBe('states');
  });

  it('is refused when a byte of it was changed, or it was cut short, and harms nothing', async () => {
    await write(true);
    const packed = readFileSync(bundle);
    const bytes = gunzipSync(packed);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const changed = Buffer.from(bytes);
          changed[at] = changed[at]! ^ by;
          writeFileSync(bundle, gzipSync(changed, { level: 1 }));
          // Not every byte of a header is looked at (mode, owner, times); what is opened is whole.
          const told = await refusal();
          if (told === 'opened') expect(at % BLOCK).toBeGreaterThanOrEqual(100);
          else expect(told).toMatch(/^bad-bundle/);
        },
      ),
      { seed: 9, numRuns: 60 },
    );
    for (const length of [0, 2, 100, packed.length - 1]) {
      writeFileSync(bundle, packed.subarray(0, length));
      expect(await refusal()).toMatch(/^bad-bundle/);
    }
  });

  it('is refused with names it may not have, too many bytes, or more than it lists', async () => {
    await write();
    const content = readFileSync((await opened()).ledger);
    const whole = { name: 'ledger.db', content };
    pack([{ name: '../escaped', content }]);
    expect(await refusal()).toMatch(/^bad-bundle: .*its manifest/);
    pack([{ name: 'ledger.db.checkpoints', content }]);
    expect(await refusal()).toMatch(/^bad-bundle: .*the ledger first/);
    pack([whole, whole]);
    expect(await refusal()).toMatch(/^bad-bundle: .*every file once/);
    pack([whole]);
    expect(await refusal(content.length - 1)).toMatch(/^bad-bundle: .* may be taken/);
    pack([whole], (manifest) => ({
      ...manifest,
      files: [{ ...(manifest['files'] as object[])[0], bytes: 2 ** 50 }],
    }));
    expect(await refusal()).toMatch(/^bad-bundle: .* may be taken/);
    pack([whole, { name: 'more', content }], (manifest) => ({
      ...manifest,
      files: (manifest['files'] as object[]).slice(0, 1),
    }));
    expect(await refusal()).toMatch(/^bad-bundle: .*more than its manifest lists/);
    pack([whole]);
    expect(await refusal()).toMatch(/^bad-bundle: .*does not end as its manifest says/);
    pack([whole], (manifest) => ({ ...manifest, extra: 1 }));
    expect(await refusal()).toMatch(/^bad-bundle: .*its manifest/);
  });

  it('is refused with a ledger that was tampered with, or that would run something', async () => {
    const changed = join(temporaryDirectory(), 'changed.db');
    for (const [sql, code] of [
      ["UPDATE commits SET actor = 'nobody' WHERE position = 2", /^tampered: .*BAD at commit 2/],
      [
        'CREATE TRIGGER t AFTER INSERT ON commits BEGIN SELECT 1; END',
        /^unknown-schema: .*trigger/,
      ],
    ] as const) {
      copyFileSync(ledger, changed);
      const db = new Database(changed);
      db.pragma('journal_mode = DELETE');
      db.exec(sql);
      db.close();
      pack([{ name: 'ledger.db', content: readFileSync(changed) }]);
      expect(await refusal()).toMatch(code);
    }
  });

  it('is not made of a ledger that does not verify', async () => {
    const db = new Database(ledger);
    db.exec("UPDATE commits SET actor = 'nobody' WHERE position = 2");
    db.close();
    await expect(write()).rejects.toMatchObject({ code: 'tampered' });
    expect(existsSync(bundle)).toBe(false);
  });
});
