import { MemoryLedger } from '@steward/ledger';
import { ledgerOf } from '../__fixtures__/two-hosts';
import { parseChange } from './changes';
import { ForkRefusedError } from './fork-refused';
import { copyKept, parting } from './kept-history';
import { forkSteps, switchingSteps } from './steps';
import type { Edits, ForkStep } from './steps';

const NONE: Edits = { changes: [], without: new Set(), inserted: [], moved: new Map() };

/** Commits of hosts by their causes: `[host, cause]`. */
async function ledgerWith(
  commits: readonly (readonly [host: string, cause?: number])[],
): Promise<MemoryLedger> {
  const ledger = new MemoryLedger();
  for (const [i, [host, cause]] of commits.entries()) {
    await ledger.append({
      ...{ host, at: '2026-01-31T12:00:00.000Z', actor: 'ann', commandId: `c${i + 1}` },
      command: { type: 'CreateIoas', ioas: `i${i + 1}`, vm: 'v' },
      outcome: { ok: true },
      ...(cause !== undefined && { causationId: String(cause) }),
      reads: [],
      events: [],
    });
  }
  return ledger;
}

async function stepsOf(ledger: MemoryLedger, at: number, edits: Edits): Promise<ForkStep[]> {
  const steps: ForkStep[] = [];
  for await (const step of forkSteps(ledger, await parting(ledger, at), edits)) steps.push(step);
  return steps;
}

/** 1 led to 2, which led to 3; 4; 5 led to 6. */
const CHAINS = [['a'], ['a', 1], ['a', 2], ['a'], ['a'], ['a', 5]] as const;
const brief = (steps: readonly ForkStep[]) => steps.map((s) => [s.origin, s.edit ?? 'asked']);

describe('where histories part', () => {
  it.each([
    [0, 0],
    [1, 0],
    [2, 0],
    [3, 3],
    [4, 4],
    [5, 4],
    [6, 6],
  ])(
    'at %d the first %d commits are kept: a command and what it led to stay together',
    async (at, kept) => {
      expect((await parting(await ledgerWith(CHAINS), at)).kept).toBe(kept);
    },
  );

  it('goes back until it cuts what no host was doing', async () => {
    // b's chain 2, 3, 5 goes on over a's 4; a's chain 1 to 3' ends before.
    const ledger = await ledgerWith([['a'], ['b'], ['a', 1], ['a'], ['b', 2]]);
    expect((await parting(ledger, 4)).kept).toBe(0);
    expect((await parting(ledger, 5)).kept).toBe(5);
  });

  it('the kept commits have the hashes of the original', async () => {
    const [from, to] = [await ledgerOf(), new MemoryLedger()];
    const inventory = await copyKept(from, to, 3);
    expect(await to.latest()).toBe(3);
    expect((await to.commit(3))?.hash).toBe((await from.commit(3))?.hash);
    expect([...inventory.hosts]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect([...inventory.smmus]).toEqual([['s-a', { host: 'a', position: 3 }]]);
  });
});

describe('the steps of a fork', () => {
  it('are the commands from outside after it', async () => {
    const steps = await stepsOf(await ledgerWith(CHAINS), 3, NONE);
    expect(brief(steps)).toEqual([
      [4, 'asked'],
      [5, 'asked'],
    ]);
    expect(steps[0]).toMatchObject({ commandId: 'c4', actor: 'ann', command: { ioas: 'i4' } });
  });

  it('leave out, move and insert', async () => {
    const command = { type: 'CreateIoas', ioas: 'new', vm: 'v' } as const;
    const edits: Edits = {
      ...NONE,
      without: new Set([4]),
      moved: new Map([[1, 6]]),
      inserted: [
        { after: 0, actor: 'bo', host: 'a', command },
        { after: 3, actor: 'bo', command },
      ],
    };
    const steps = await stepsOf(await ledgerWith(CHAINS), 0, edits);
    expect(brief(steps)).toEqual([
      [null, 'inserted'],
      [null, 'inserted'],
      [4, 'removed'],
      [5, 'asked'],
      [1, 'moved'],
    ]);
    expect(steps[1]).toMatchObject({ actor: 'bo', host: 'a', commandId: 'fork:2' });
  });

  it.each([
    ['one that is kept', { ...NONE, without: new Set([1]) }],
    ['one that a process manager asked for', { ...NONE, without: new Set([6]) }],
    ['one to a place that is kept', { ...NONE, moved: new Map([[5, 2]]) }],
  ])('cannot touch %s', async (_, edits) => {
    const ledger = await ledgerWith(CHAINS);
    await expect(stepsOf(ledger, 3, edits)).rejects.toThrow(ForkRefusedError);
  });
});

describe('changes of what exists', () => {
  const inventory = {
    hosts: new Map([['h', 1]]),
    smmus: new Map([['s', { host: 'h', position: 2 }]]),
  };
  const switching = (...texts: string[]) =>
    switchingSteps(texts.map(parseChange), inventory, '2026-01-31T12:00:00.000Z');

  it('are commands of their own', () => {
    expect(switching('policy=v2-2024-08', 'ril=off').map((s) => s.command)).toEqual([
      { type: 'ChangePolicy', host: 'h', policy: 'v2-2024-08' },
      { type: 'ForceFeatures', smmu: 's', switches: { rangeInvalidation: false } },
    ]);
    expect(switching('policy@other=mainline', 'ats@other=off')).toEqual([]);
  });

  it('cannot be of ID registers', () => {
    expect(() => switching('idr0=0x0')).toThrow('s was added by commit 2; fork at 1 or before');
  });
});
