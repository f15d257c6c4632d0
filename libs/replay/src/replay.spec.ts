import { toStored } from '@steward/domain';
import type { DomainEvent } from '@steward/domain';
import { MemoryLedger } from '@steward/ledger';
import type { Digests, JsonObject, RecordedDigest } from '@steward/ledger';
import { combineDigests, Machine, MACHINE_VERSION } from '@steward/machine';
import { machineCommit } from './machine-commit';
import { replay } from './replay';

const registered = (host: string): DomainEvent => ({
  type: 'HostRegistered',
  host,
  policy: 'mainline',
  memory: [{ use: 'kernel', base: '0x40000000', size: '0x4000000' }],
});
const smmuAdded = (host: string): DomainEvent => ({
  type: 'SmmuAdded',
  smmu: `s-${host}`,
  host,
  idr: ['0x0d44101b', '0x02730010', '0x0', '0x1414', '0x0', '0x74'],
  iidr: '0x0',
  aidr: '0x1',
  switches: {},
});
const LOG: readonly (readonly [host: string, stream: string, event: DomainEvent])[] = [
  ['a', 'host/a', registered('a')],
  ['b', 'host/b', registered('b')],
  ['a', 'smmu/s-a', smmuAdded('a')],
  ['b', 'smmu/s-b', smmuAdded('b')],
];

/** A ledger of four commits on two hosts. */
async function ledgerOf(log = LOG): Promise<MemoryLedger> {
  const ledger = new MemoryLedger();
  for (const [i, [host, stream, event]] of log.entries()) {
    const stored = toStored(event);
    const appended = await ledger.append({
      host,
      at: '2026-01-31T12:00:00.000Z',
      actor: 'ann',
      commandId: `c${i}`,
      command: { type: 'Any' },
      outcome: { ok: true },
      reads: [],
      events: [{ stream, schema: 1, ...stored, payload: stored.payload as JsonObject }],
    });
    if (appended.kind !== 'appended') throw new Error(appended.kind);
  }
  return ledger;
}

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
    const shorter = await replay(await ledgerOf(LOG.slice(0, 3)), table(new Map()));
    expect(shorter.digest).not.toBe(whole.digest);
  });

  it('does not compare digests of another version of the machine', async () => {
    const ledger = await ledgerOf();
    const recorded = await record(ledger);
    recorded.set(3, { ...recorded.get(3)!, machineVersion: 'older', digest: 'f'.repeat(32) });
    expect((await replay(ledger, table(recorded))).diverged).toBeNull();
  });

  it('runs without recorded digests and up to a position', async () => {
    const ledger = await ledgerOf();
    const result = await replay(ledger, table(new Map()), { to: 2 });
    expect(result).toMatchObject({ position: 2, events: 2, recordedDigest: null, diverged: null });
  });
});
