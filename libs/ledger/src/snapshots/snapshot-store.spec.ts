import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { removeTemporaryDirectories, temporaryDirectory } from '../__fixtures__/drafts';
import { SnapshotStore, snapshotFile, type Snapshot } from './snapshot-store';

let ledger: string;
const open: SnapshotStore[] = [];

beforeEach(() => {
  ledger = join(temporaryDirectory(), 'ledger.db');
});
afterEach(() => {
  for (const store of open.splice(0)) store.close();
  removeTemporaryDirectories();
});

function opened(): SnapshotStore {
  const store = SnapshotStore.open(ledger);
  open.push(store);
  return store;
}

const snapshot = (position: number, more: Partial<Snapshot> = {}): Snapshot => ({
  host: 'a',
  position,
  commitHash: 'f'.repeat(64),
  version: '1',
  bytes: new Uint8Array(5000).fill(position),
  ...more,
});

it('gives the last snapshot at or before a position, of the host and the version asked for', async () => {
  const store = opened();
  for (const position of [10, 20]) await store.put(snapshot(position));
  await store.put(snapshot(15, { host: 'b' }));
  await store.put(snapshot(18, { version: '2' }));
  const at = (position: number): number | undefined =>
    store.nearest('a', { position }, '1')?.position;
  expect([9, 10, 19, 20, 99].map(at)).toEqual([undefined, 10, 10, 20, 20]);
  const { bytes, ...entry } = store.nearest('a', { position: 12 }, '1') ?? snapshot(0);
  const { bytes: given, ...expected } = snapshot(10);
  expect(entry).toEqual(expected);
  expect(Buffer.compare(bytes, given)).toBe(0);
  expect(store.list()[0]).toMatchObject({ host: 'a', position: 10, rawBytes: 5000 });
  expect(store.list()[0]?.storedBytes).toBeLessThan(100);
  store.keepOnly('2');
  expect(store.list().map(({ position }) => position)).toEqual([18]);
});

it('gives nothing for one whose bytes are not those that were stored', async () => {
  await opened().put(snapshot(10));
  const db = new Database(snapshotFile(ledger));
  db.exec('UPDATE snapshots SET stored = zeroblob(length(stored))');
  db.close();
  expect(opened().nearest('a', { position: 10 }, '1')).toBeUndefined();
});

it('begins a damaged file anew, and reads none where there is none or a damaged one', async () => {
  expect(SnapshotStore.openExisting(ledger)).toBeUndefined();
  expect(existsSync(snapshotFile(ledger))).toBe(false);
  await opened().put(snapshot(10));
  open.splice(0).forEach((store) => store.close());
  writeFileSync(snapshotFile(ledger), 'nonsense'.repeat(2000));
  expect(SnapshotStore.openExisting(ledger)?.nearest('a', { position: 10 }, '1')).toBeUndefined();
  const anew = opened();
  expect(anew.list()).toEqual([]);
  await anew.put(snapshot(11));
  expect(SnapshotStore.openExisting(ledger)?.nearest('a', { position: 99 }, '1')?.position).toBe(
    11,
  );
  expect(readFileSync(snapshotFile(ledger)).subarray(0, 6).toString()).toBe('SQLite');
});
