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

/**
 * Where two graphs of objects differ: the path to it. Once through each pair of objects, which the general comparisons
 * of objects with cycles do not promise.
 */
function firstDifference(
  a: unknown,
  b: unknown,
  path: string,
  compared = new Map<object, object>(),
): string | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return Object.is(a, b) ? undefined : path;
  }
  if (compared.get(a) === b) return undefined;
  compared.set(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return path;
  if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b))
    return bytesOf(a).equals(bytesOf(b)) ? undefined : path;
  const [left, right] = [membersOf(a), membersOf(b)];
  if (left.length !== right.length) return path;
  for (const [i, [key, value]] of left.entries()) {
    const [otherKey, other] = right[i] ?? [];
    const found =
      firstDifference(key, otherKey, `key ${i} of ${path}`, compared) ??
      firstDifference(value, other, `${path}.${String(key)}`, compared);
    if (found !== undefined) return found;
  }
  return undefined;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

function membersOf(object: object): [unknown, unknown][] {
  if (object instanceof Map || object instanceof Set) return [...object.entries()];
  return Object.entries(object);
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
    expect(firstDifference(restored.host(HOST), whole.host(HOST), 'host')).toBeUndefined();
  });
});
