import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Machine } from '@steward/machine';
import type { MachineCommit } from '@steward/machine';
import { machineCommit } from '@steward/replay';
import { keptLedgers, openCopy } from './corpus';

const HOST = 'host0';

let commits: readonly MachineCommit[] = [];
let digests: readonly string[] = [];
const whole = new Machine();

beforeAll(async () => {
  const [kept] = keptLedgers();
  if (kept === undefined) throw new Error('no ledger is kept');
  const { ledger, close } = await openCopy(kept);
  const read: MachineCommit[] = [];
  for await (const commit of ledger.commits()) read.push(machineCommit(commit));
  await close();
  commits = read;
  digests = commits.map((commit) => whole.apply(commit).digest);
});

/** A machine that was put away and fetched again at a position, and then went on to the end. */
function restoredAt(position: number): Machine {
  const before = new Machine();
  for (const commit of commits.slice(0, position)) before.apply(commit);
  const restored = new Machine();
  restored.restore(HOST, before.snapshot(HOST));
  expect(restored.digestOf(HOST)).toBe(digests[position - 1]);
  for (const commit of commits.slice(position)) {
    expect(restored.apply(commit).digest).toBe(digests[commit.position - 1]);
  }
  return restored;
}

describe('a machine restored from a snapshot', () => {
  it('at any position does what the one it was taken from does, commit by commit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: commits.length }), (position) => {
        restoredAt(position);
      }),
      { seed: 1, numRuns: 10, endOnFailure: true },
    );
  });

  it('ends in the same state, to the last word', () => {
    const restored = restoredAt(Math.floor(commits.length / 2));
    expect(isDeepStrictEqual(restored.host(HOST), whole.host(HOST))).toBe(true);
  });
});
