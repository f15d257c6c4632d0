import type { Digests, MemoryLedger, RecordedDigest } from '@steward/ledger';
import { combineDigests, Machine, MACHINE_VERSION } from '@steward/machine';
import { ledgerOf, TWO_HOSTS } from './__fixtures__/two-hosts';
import { machineCommit } from './machine-commit';
import { replay } from './replay';

/** What the live run recorded. */
async function record(ledger: MemoryLedger): Promise<Map<number, RecordedDigest>> {
  const machine = new Machine();
  const recorded = new Map<number, RecordedDigest>();
  for await (const commit of ledger.commits({})) {
    const { position, host } = commit;
    const { digest } = machine.apply(machineCommit(commit));
    recorded.set(position, { position, host, machineVersion: MACHINE_VERSION, digest });
  }
  return recorded;
}

const table = (recorded: ReadonlyMap<number, RecordedDigest>): Digests =>
  ({ at: (position: number) => recorded.get(position) }) as unknown as Digests;

describe('replay', () => {
  it('of the log that was run computes every recorded digest again', async () => {
    const ledger = await ledgerOf();
    const recorded = await record(ledger);
    const seen: number[] = [];
    const result = await replay(ledger, table(recorded), { progress: (p) => seen.push(p) });
    expect(result).toMatchObject({ events: 4, position: 4, diverged: null });
    expect(result.recordedDigest).toBe(result.digest);
    expect(seen).toEqual([1, 2, 3, 4]);
    const latest = [recorded.get(3)!, recorded.get(4)!].map((r) => [r.host, r.digest] as const);
    expect(result.digest).toBe(combineDigests(new Map(latest)));
  });

  it('names the first position whose digest differs, and stops there', async () => {
    const ledger = await ledgerOf();
    const recorded = await record(ledger);
    const wrong = 'f'.repeat(32);
    const actual = recorded.get(3)!.digest;
    for (const position of [3, 4]) {
      recorded.set(position, { ...recorded.get(position)!, digest: wrong });
    }
    const result = await replay(ledger, table(recorded));
    expect(result.position).toBe(3);
    expect(result.diverged).toEqual({ position: 3, expected: wrong, actual });
  });

  it('of a shorter log gives another digest', async () => {
    const whole = await replay(await ledgerOf(), table(new Map()));
    const shorter = await replay(await ledgerOf(TWO_HOSTS.slice(0, 3)), table(new Map()));
    expect(shorter.digest).not.toBe(whole.digest);
  });

  it('reports what an older machine recorded otherwise as changed behaviour, and goes on', async () => {
    const ledger = await ledgerOf();
    const recorded = await record(ledger);
    const [expected, actual] = ['f'.repeat(32), recorded.get(3)!.digest];
    recorded.set(2, { ...recorded.get(2)!, machineVersion: 'older' });
    recorded.set(3, { ...recorded.get(3)!, machineVersion: 'older', digest: expected });
    const result = await replay(ledger, table(recorded));
    expect(result).toMatchObject({ position: 4, diverged: null });
    expect(result.changed).toEqual({ version: 'older', position: 3, expected, actual, why: [] });
  });

  it('of what an older machine computed alike says nothing', async () => {
    const ledger = await ledgerOf();
    const recorded = await record(ledger);
    for (const [position, one] of recorded) {
      recorded.set(position, { ...one, machineVersion: 'older' });
    }
    expect(await replay(ledger, table(recorded))).toMatchObject({ diverged: null, changed: null });
  });

  it('runs without recorded digests and up to a position', async () => {
    const ledger = await ledgerOf();
    const result = await replay(ledger, table(new Map()), { to: 2 });
    expect(result).toMatchObject({ position: 2, events: 2, recordedDigest: null, diverged: null });
  });
});
