import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import {
  MIGRATIONS,
  appended,
  collect,
  draft,
  event,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import { signCheckpoint } from '../evidence/checkpoint';
import { CommitTree } from '../evidence/commit-tree';
import { parseVerifierKey, verifierKeyText, type SignerKey } from '../evidence/signed-note';
import { LedgerError } from '../ledger-error';
import { exportLog } from '../operations/export-log';
import type { StoredCommit } from '../port';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import { archiveHost } from './archive-host';
import { readArchive, type CheckedArchive } from './read-archive';
import { restoreArchive } from './restore-archive';

const migrations = MIGRATIONS;
const at = '2026-02-01T00:00:00.000Z';
let file: string;
let out: string;
let before: readonly StoredCommit[];
let root: string;

const open = (mode: 'create' | 'write' | 'read' = 'write'): Promise<SqliteLedger> =>
  SqliteLedger.open({ file, migrations, mode, writer: 'here' });

async function within<T>(work: (ledger: SqliteLedger) => Promise<T>): Promise<T> {
  const ledger = await open();
  try {
    return await work(ledger);
  } finally {
    await ledger.close();
  }
}

const rootNow = (ledger: SqliteLedger): Promise<string> =>
  ledger.latest().then(async (size) => {
    return Buffer.from((await CommitTree.of(ledger, size)).root()).toString('hex');
  });

const archive = (host = 'gone', to = out): Promise<CheckedArchive> =>
  archiveHost({ ledger: file, migrations, host, out: to, at });

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => {
      if (!(error instanceof LedgerError)) throw error;
      return error.code;
    },
  );

/** Changes the file behind the ledger's back. */
function tamper(sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}

beforeEach(async () => {
  file = join(temporaryDirectory(), 'ledger.db');
  out = join(temporaryDirectory(), 'gone.archive');
  const ledger = await open('create');
  for (let n = 0; n < 23; n++) {
    const host = n % 3 === 1 ? 'gone' : 'stays';
    const words = Uint8Array.of(n, 0, 255);
    const events = [event(`${host}/a`, n, { words }), event(`${host}/${n % 5}`, n)];
    const refused = { ok: false, errno: 'EBUSY', code: 'x.busy', reason: 'taken' } as const;
    const more = n === 4 ? { outcome: refused, events: [] } : { events, commandWords: words };
    await appended(ledger, draft(`c${n}`, { host, ...more }));
  }
  before = await collect(ledger.commits());
  root = await rootNow(ledger);
  await ledger.close();
});
afterEach(removeTemporaryDirectories);

describe('a ledger whose host was archived', () => {
  it('verifies, keeps its tree, says what is archived, and reads as before without it', async () => {
    const { commits, sha256 } = await archive();
    await within(async (ledger) => {
      const archived = [{ host: 'gone', commits, file: out, sha256 }];
      expect(await ledger.verify()).toEqual({ ok: true, commits: 23, firstBad: null, archived });
      expect(await rootNow(ledger)).toBe(root);
      expect(await ledger.latest()).toBe(23);
      expect(await collect(ledger.commits())).toEqual(before.filter((c) => c.host === 'stays'));
      const headers = before.map(({ position, host, at: time, hash }) => {
        return { position, host, at: time, hash };
      });
      expect(await collect(ledger.headers())).toEqual(headers);
      expect(await collect(ledger.hosts())).toEqual(['stays']);
      expect(await ledger.archives()).toMatchObject([{ host: 'gone', commits: 8, events: 14, at }]);
    });
  });

  it('names the archive to whoever asks for what is in it', async () => {
    await archive();
    await within(async (ledger) => {
      await expect(ledger.commit(2)).rejects.toThrow(/commit 2 is in the archive .*gone\.archive/);
      expect(await ledger.commit(24)).toBeUndefined();
      expect(await codeOf(collect(ledger.commits({ host: 'gone' })))).toBe('archived');
      expect(await codeOf(collect(ledger.stream('gone/a')))).toBe('archived');
      expect(await codeOf(collect(exportLog(ledger, [])))).toBe('archived');
    });
    expect(await codeOf(archive('gone', `${out}.2`))).toBe('archived');
    expect(existsSync(`${out}.2`)).toBe(false);
  });

  it('takes commits of others, none in archived streams, and no archived command again', async () => {
    await archive();
    await within(async (ledger) => {
      const answers = await Promise.allSettled([
        ledger.append(draft('n1', { host: 'stays', events: [event('stays/a')] })),
        ledger.append(draft('n2', { host: 'stays', events: [event('gone/a')] })),
        ledger.append(draft('c1', { host: 'gone', events: [] })),
        ledger.append(draft('n3', { host: 'stays', events: [event('stays/new')] })),
      ]);
      const said = answers.map((answer) =>
        answer.status === 'fulfilled' ? answer.value.kind : (answer.reason as LedgerError).code,
      );
      expect(said).toEqual(['appended', 'archived', 'archived', 'appended']);
      expect(await ledger.verify()).toMatchObject({ ok: true, commits: 25 });
    });
  });

  it('gets it back with the hashes it had, whatever was appended meanwhile', async () => {
    await archive();
    const more = await within((ledger) => appended(ledger, draft('n1', { host: 'stays' })));
    await restoreArchive({ ledger: file, migrations, archive: out });
    await within(async (ledger) => {
      expect(await collect(ledger.commits())).toEqual([...before, more]);
      expect(await ledger.verify()).toEqual({ ok: true, commits: 24, firstBad: null });
      expect((await collect(ledger.stream('gone/a'))).length).toBe(7);
      const next = await appended(ledger, draft('n2', { host: 'gone', events: [event('gone/a')] }));
      expect(next.events[0]?.version).toBe(8);
    });
    expect(await codeOf(restoreArchive({ ledger: file, migrations, archive: out }))).toBe(
      'not-archived',
    );
  });

  it.each([
    ["UPDATE commits SET actor = 'nobody' WHERE position = 5", 2, /not those that its archive/],
    ['DELETE FROM archives', 2, /no archive of "gone" is recorded/],
    ["UPDATE commits SET command = 'null' WHERE position = 4", 4, /no archive of "stays"/],
    ["UPDATE commits SET outcome = '{}' WHERE position = 8", 8, /outcome is not archived/],
    [`UPDATE commits SET hash = '${'0'.repeat(64)}' WHERE position = 5`, 6, /prev_hash is not/],
    ["UPDATE archives SET commits = 7, headers = ''", 2, /not those that its archive/],
  ])('is found out by verify after %s', async (sql, position, reason) => {
    await archive();
    tamper(`PRAGMA foreign_keys = OFF; ${sql}`);
    const { ok, firstBad } = await within((ledger) => ledger.verify());
    expect([ok, firstBad?.position, firstBad?.reason]).toEqual([
      false,
      position,
      expect.stringMatching(reason),
    ]);
  });
});

describe('an archive', () => {
  it('is proved by itself: hashes, streams, and leaves of the tree that a key signed', async () => {
    const signer: SignerKey = { name: 'lab', key: generateKeyPairSync('ed25519').privateKey };
    const other: SignerKey = { name: 'lab', key: generateKeyPairSync('ed25519').privateKey };
    await archiveHost({
      ...{ ledger: file, migrations, host: 'gone', out, at },
      sign: (tree) => signCheckpoint({ origin: 'lab', ...tree }, signer),
    });
    const by = (key: SignerKey) => ({ signedBy: parseVerifierKey(verifierKeyText(key)) });
    const found = await readArchive(out, by(signer));
    expect(found).toMatchObject({ host: 'gone', commits: 8, first: 2, last: 23, size: 23 });
    expect(Buffer.from(found.root).toString('hex')).toBe(root);
    expect(found.signed).toBe(true);
    expect((await readArchive(out, by(other))).signed).toBe(false);
  });

  it('that was changed anywhere is refused, and never half restored', async () => {
    await archive();
    const ledgerBytes = readFileSync(file);
    const packed = readFileSync(out);
    const text = gunzipSync(packed).toString('utf8');
    const changes = [
      (t: string) => t.replace('"n":7', '"n":8'),
      (t: string) => t.replace('"actor":"operator"', '"actor":"nobody"'),
      (t: string) => t.replace('"host":"gone"', '"host":"else"'),
      (t: string) => t.replace(/"root":"....../, '"root":"AAAAAA'),
      (t: string) => t.split('\n').slice(0, -2).join('\n'),
      (t: string) =>
        t
          .split('\n')
          .filter((_, i) => i !== 3)
          .join('\n'),
      (t: string) => `${t}{}\n`,
      () => 'not an archive',
    ];
    for (const change of changes) {
      writeFileSync(out, gzipSync(change(text)));
      expect(await codeOf(restoreArchive({ ledger: file, migrations, archive: out }))).toBe(
        'bad-archive',
      );
    }
    writeFileSync(out, packed.subarray(0, 300));
    expect(await codeOf(readArchive(out))).toBe('bad-archive');
    expect(readFileSync(file).equals(ledgerBytes)).toBe(true);
  });

  it('of a run that was cut short before the ledger let go is taken up, another is not overwritten', async () => {
    const whole = readFileSync(file);
    await archive();
    const first = readFileSync(out);
    writeFileSync(file, whole);
    expect((await archive()).commits).toBe(8);
    expect(readFileSync(out).equals(first)).toBe(true);
    // And once more, when only the answer was lost.
    expect((await archive()).commits).toBe(8);
    expect(await codeOf(archive('stays'))).toBe('exists');
  });

  it('is not made of a ledger that does not verify, or of a host without commits', async () => {
    expect(await codeOf(archive('nobody'))).toBe('missing');
    tamper("UPDATE commits SET actor = 'nobody' WHERE position = 3");
    expect(await codeOf(archive())).toBe('tampered');
    expect(existsSync(out)).toBe(false);
  });

  it('is refused when the host went on after it was written', async () => {
    const whole = readFileSync(file);
    await archive();
    writeFileSync(file, whole);
    await within((ledger) => appended(ledger, draft('late', { host: 'gone', events: [] })));
    expect(await codeOf(archive())).toBe('busy');
    expect((await within((ledger) => ledger.verify())).ok).toBe(true);
  });
});
