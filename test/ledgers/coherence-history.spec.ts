import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FindingView } from '@steward/audit';
import { SnapshotStore, SqliteLedger } from '@steward/ledger';
import { subtractTotals } from '@steward/machine';
import {
  bisect,
  Coherence,
  coherenceBroken,
  Snapshots,
  SnapshotTaker,
  staleHistory,
  staleUsed,
  type LoggedHistory,
} from '@steward/replay';
import { LongLedger } from '../bench/replay/long-ledger';
import { projectRoot } from '../conformance/project-root';

const EVENTS = 1500;
const EVERY = 150;

/** A host whose driver forgets to flush stage 2 when a guest's RAM goes. */
describe('what is stale, of a long log with snapshots', () => {
  const folder = mkdtempSync(join(tmpdir(), 'steward-coherence-'));
  let ledger: SqliteLedger;
  let store: SnapshotStore;
  let latest: number;
  let whole: Awaited<ReturnType<typeof found>>;

  beforeAll(async () => {
    const file = join(folder, 'ledger.db');
    const migrations = join(projectRoot(), 'migrations');
    ledger = await SqliteLedger.open({ file, migrations, mode: 'create' });
    await LongLedger.fill(ledger, EVENTS, { forgets: ['TLBI_S2_IPA'] });
    store = SnapshotStore.open(file);
    await new SnapshotTaker(ledger, store, { events: EVERY, bytesPerEvent: Infinity }).advance();
    latest = await ledger.latest();
    whole = await found({ ledger }, 1);
  });
  afterAll(async () => {
    store.close();
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function found(history: LoggedHistory, since: number, from = since) {
    const told: FindingView[] = [];
    let folded = 0;
    const progress = (): number => folded++;
    const findings = staleHistory(history, { since, from, until: latest, progress });
    for (;;) {
      const next = await findings.next();
      if (next.done === true) return { told, totals: next.value.totals, folded };
      told.push(next.value);
    }
  }

  it('is the same from the nearest snapshot on as from the first commit', async () => {
    expect(new Set(whole.told.map(({ kind }) => kind)).size).toBeGreaterThan(1);
    const history = { ledger, snapshots: new Snapshots(store) };
    for (const since of [1, Math.floor(latest / 3), Math.floor(latest / 2) + 7, latest]) {
      const { told, totals, folded } = await found(history, since);
      expect(told).toEqual(whole.told.filter((finding) => foundAt(finding) >= since));
      expect(folded).toBeLessThan(latest - since + EVERY);
      const before = new Coherence(history);
      await before.moveTo(since - 1);
      expect(totals).toEqual(subtractTotals(whole.totals, before.totals()));
    }
  });

  it('told on from where it was interrupted is the rest, with the totals of the whole', async () => {
    const history = { ledger, snapshots: new Snapshots(store) };
    const { told, totals } = await found(history, 1, Math.floor(latest / 2));
    expect(told).toEqual(whole.told.filter((one) => foundAt(one) >= Math.floor(latest / 2)));
    expect(told.length).toBeLessThan(whole.told.length);
    expect(totals).toEqual(whole.totals);
  });

  it('bisect finds the first rule that was broken, and no stale use where there was none', async () => {
    const history = { ledger, snapshots: new Snapshots(store) };
    const first = whole.told.find(({ kind }) => kind === 'violation');
    const holds = coherenceBroken(history);
    const verdict = async (p: number) => ((await holds(p)) ? 'bad' : 'good');
    const result = await bisect({ good: 0, bad: latest }, verdict);
    expect(result.first).toBe(first && foundAt(first));
    expect(whole.told.some(({ kind }) => kind === 'use')).toBe(false);
    expect(await staleUsed(history)(latest)).toBe(false);
  });
});

/** The commit in which something was found; a window that is open still is told at the end. */
function foundAt(finding: FindingView): number {
  if (finding.kind === 'window') return finding.closed?.position ?? Infinity;
  return finding.at.position;
}
