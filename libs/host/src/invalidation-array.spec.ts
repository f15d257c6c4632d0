import fc from 'fast-check';
import { kunit } from './__fixtures__/recorded';
import {
  TARGET_TYPES,
  merge,
  purge,
  trashCount,
  unref,
  type InvalidationArray,
  type InvalidationTarget,
} from './invalidation-array';

/** `"S2_VMID 1"`, `"ATS 10 ssid 3"`. */
function target(text: string): InvalidationTarget {
  const [type, id, , ssid] = text.split(' ');
  const known = TARGET_TYPES.find((candidate) => candidate === type)!;
  return { smmu: 'smmu0', type: known, id: Number(id), ssid: Number(ssid ?? 0) };
}

const inputs: Readonly<Record<string, readonly string[]>> = kunit.invalidationArray.inputs;

describe('the invalidation array', () => {
  it('goes through the states of the driver’s KUnit case', () => {
    let array: InvalidationArray = [];
    for (const step of kunit.invalidationArray.steps) {
      const [op, name] = step.op.split(' ');
      const targets = (inputs[name ?? ''] ?? []).map(target);
      if (op === 'merge') array = merge(array, targets);
      if (op === 'unref') array = unref(array, targets);
      if (op === 'purge') array = purge(array);
      expect({
        op: step.op,
        ids: array.map((entry) => entry.id),
        users: array.map((entry) => entry.users),
        trash: trashCount(array),
      }).toEqual({
        op: step.op,
        ids: step.ids ?? [],
        users: step.users ?? [],
        trash: step.trash ?? 0,
      });
      if (step.ssids) expect(array.map((entry) => entry.ssid)).toEqual(step.ssids);
    }
  });

  const someTargets = fc.uniqueArray(
    fc.record({
      smmu: fc.constantFrom('a', 'b'),
      type: fc.constantFrom(...TARGET_TYPES),
      id: fc.nat({ max: 3 }),
      ssid: fc.constant(0),
    }),
    { selector: (t) => `${t.smmu} ${t.type} ${t.id}`, maxLength: 6 },
  );

  it('is what it was after a merge is taken back', () => {
    fc.assert(
      fc.property(someTargets, someTargets, (first, second) => {
        const before = merge([], first);
        expect(purge(unref(merge(before, second), second))).toEqual(before);
      }),
    );
  });

  it('does not depend on the order of merges', () => {
    fc.assert(
      fc.property(someTargets, someTargets, (first, second) => {
        expect(merge(merge([], first), second)).toEqual(merge(merge([], second), first));
      }),
    );
  });

  it('never lets go of a user that was not merged', () => {
    expect(() => unref([], [target('S2_VMID 1')])).toThrow(RangeError);
    const trash = unref(merge([], ['S2_VMID 1', 'ATS 3'].map(target)), [target('S2_VMID 1')]);
    expect(() => unref(trash, [target('S2_VMID 1')])).toThrow(RangeError);
  });
});
