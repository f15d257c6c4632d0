import fc from 'fast-check';
import { SnapshotStore, snapshotFile } from '@steward/ledger';
import {
  BackgroundSnapshots,
  deviceAttached,
  HostHistory,
  historyVersion,
  Snapshots,
  SnapshotTaker,
  States,
  whyAnswer,
  whyWords,
  type SnapshotPace,
} from '@steward/replay';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { projectRoot } from '../conformance/project-root';
import { keptLedgers, openCopy, type OpenCopy } from './corpus';

const EVERY = 250;
const pace = (events: number): SnapshotPace => ({ events, bytesPerEvent: Infinity });

let copy: OpenCopy;
let store: SnapshotStore;
let commits: number;

beforeAll(async () => {
  const [kept] = keptLedgers();
  if (kept === undefined) throw new Error('no ledger is kept');
  copy = await openCopy(kept);
  commits = kept.commits;
  store = SnapshotStore.open(copy.file);
  await new SnapshotTaker(copy.ledger, store, pace(EVERY)).advance();
});
afterAll(async () => {
  store.close();
  await copy.close();
});

async function viewsAt(position: number, snapshots?: Snapshots): Promise<unknown> {
  const { ledger } = copy;
  const states = new States({ ledger, ...(snapshots && { snapshots }) });
  await states.moveTo(position);
  return [...states.views()];
}

it('snapshots are taken every so many events of a host, and are small', () => {
  const taken = store.list();
  expect(taken.length).toBeGreaterThan(5);
  for (const { storedBytes } of taken) expect(storedBytes).toBeLessThan(200_000);
});

it('the larger a state, the more events lie between two snapshots', async () => {
  const [kept] = keptLedgers();
  if (kept === undefined) throw new Error('no ledger is kept');
  const other = await openCopy(kept);
  const few = SnapshotStore.open(other.file);
  await new SnapshotTaker(other.ledger, few, { events: EVERY, bytesPerEvent: 64 }).advance();
  const [first, second] = few.list();
  if (first === undefined || second === undefined) throw new Error('too few snapshots');
  let events = 0;
  const { ledger } = other;
  for await (const commit of ledger.commits({ after: first.position, until: second.position })) {
    events += commit.events.length;
  }
  expect(events).toBeGreaterThanOrEqual(first.storedBytes / 64);
  few.close();
  await other.close();
});

it('who last wrote a word, and what an answer followed from, is the same from snapshots on, and found in fewer steps', async () => {
  const { ledger } = copy;
  const devices: string[] = [];
  for await (const stream of ledger.streams('device')) devices.push(stream.slice('device/'.length));
  const snapshots = new Snapshots(store);
  let [whole, fewer] = [0, 0];
  for (const device of devices.slice(0, 2)) {
    const ste = { kind: 'ste', device } as const;
    const { host, words } = await whyWords({ ledger }, ste, { at: commits });
    expect((await whyWords({ ledger, snapshots }, ste, { at: commits })).words).toEqual(words);
    const word = { kind: 'word', host, pa: words[0]!.pa } as const;
    for (const at of [commits, Math.floor(commits / 2)]) {
      const all = await whyWords({ ledger }, word, { at, progress: () => whole++ });
      const found = { at, progress: () => fewer++ };
      expect(await whyWords({ ledger, snapshots }, word, found)).toEqual(all);
    }
  }
  expect(fewer).toBeLessThan(whole);
  const last = await ledger.commit(commits - 1);
  const looked = await whyAnswer({ ledger, snapshots }, last!);
  expect(looked.length).toBeGreaterThan(0);
  expect(looked).toEqual(await whyAnswer({ ledger }, last!));
});

it('states at any position are those of the whole log, reached from the nearest snapshot', async () => {
  let folded = 0;
  const counted = new States({ ledger: copy.ledger, snapshots: new Snapshots(store) });
  await counted.moveTo(commits, () => folded++);
  expect(folded).toBeLessThan(EVERY);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: commits }), async (position) => {
      expect(await viewsAt(position, new Snapshots(store))).toEqual(await viewsAt(position));
    }),
    { seed: 1, numRuns: 6, endOnFailure: true },
  );
});

it('going on, it leaps to a later snapshot instead of folding what lies between', async () => {
  let folded = 0;
  const states = new States({ ledger: copy.ledger, snapshots: new Snapshots(store) });
  await states.moveTo(1);
  await states.moveTo(commits, () => folded++);
  expect(folded).toBeLessThan(EVERY);
  expect([...states.views()]).toEqual(await viewsAt(commits));
});

it('a question about a device has one answer, with snapshots and without', async () => {
  const { ledger } = copy;
  let device = '';
  for await (const stream of ledger.streams('device')) device = stream.slice('device/'.length);
  const history = { ledger, snapshots: new Snapshots(store) };
  const asked = [history, { ledger }].map((h) => deviceAttached(h, device, 'blocked'));
  const answers = new Set<boolean>();
  const positions: number[] = [];
  for await (const { position } of ledger.stream(`device/${device}`)) positions.push(position);
  for (const position of [commits, ...positions.slice(0, 6), ...positions.slice(-2)]) {
    const [fast, slow] = await Promise.all(asked.map((holds) => holds(position)));
    expect(fast).toBe(slow);
    answers.add(slow === true);
  }
  expect(answers.size).toBe(2);
});

it('a snapshot of another log, of other code, or a damaged one is passed over', async () => {
  const [first, second] = store.list();
  if (first === undefined || second === undefined) throw new Error('too few snapshots');
  const beginning = async (): Promise<number | undefined> => {
    const wanted = { machine: true, selects: (): boolean => true };
    const { position } = second;
    return (await new Snapshots(store).nearest(copy.ledger, second.host, { position, wanted }))
      ?.position;
  };
  expect(await beginning()).toBe(second.position);
  const db = new Database(snapshotFile(copy.file));
  const change = (sql: string): unknown => db.prepare(sql).run(second.position);
  change("UPDATE snapshots SET commit_hash = 'other' WHERE position = ?");
  expect(await beginning()).toBe(first.position);
  change("UPDATE snapshots SET version = 'other' WHERE position = ?");
  expect(await beginning()).toBe(first.position);
  db.close();
});

it('a snapshot holds the digest that the live run recorded there', async () => {
  const taken = store.list().filter(({ version }) => version === historyVersion());
  for (const { host, position, version } of taken.slice(0, 3)) {
    const bytes = store.nearest(host, { position }, version)?.bytes ?? new Uint8Array();
    const { digest } = HostHistory.decode(host, bytes);
    expect(digest).toBe(copy.readModels.digests.at(position)?.digest);
  }
});

it('a thread takes them while others write, and lets the last be finished', async () => {
  const [kept] = keptLedgers();
  if (kept === undefined) throw new Error('no ledger is kept');
  const other = await openCopy(kept);
  const failures: Error[] = [];
  const migrations = join(projectRoot(), 'migrations');
  const background = new BackgroundSnapshots(
    { file: other.file, migrations, pace: pace(1000) },
    (error) => failures.push(error),
  );
  background.committed(999);
  background.committed(1);
  await background.close();
  const taken = SnapshotStore.openExisting(other.file);
  expect(failures).toEqual([]);
  expect(taken?.list()).toHaveLength(2);
  taken?.close();
  await other.close();
});

it('a thread that fails tells why, once, and costs nothing more', async () => {
  const failures: Error[] = [];
  const migrations = join(projectRoot(), 'migrations');
  const background = new BackgroundSnapshots(
    { file: `${copy.file}.none`, migrations, pace: pace(10) },
    (error) => failures.push(error),
  );
  background.committed(10);
  await background.close();
  background.committed(10);
  expect(failures.map(({ message }) => message)).toEqual([
    expect.stringMatching(/none.*no such file|none: /),
  ]);
});
