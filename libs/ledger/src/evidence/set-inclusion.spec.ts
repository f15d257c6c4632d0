import fc from 'fast-check';
import { inclusionProof, leafHash, TreeHead, type Hash } from './merkle-tree';
import { proveSet, rootOfSet } from './set-inclusion';

const tree = (size: number): { leaves: Hash[]; root: Hash } => {
  const leaves = Array.from({ length: size }, (_, i) => leafHash(Buffer.from(`commit ${i}`)));
  const head = new TreeHead();
  for (const leaf of leaves) head.append(leaf);
  return { leaves, root: head.root() };
};
const hex = (hashes: readonly Hash[]): string[] =>
  hashes.map((hash) => Buffer.from(hash).toString('hex')).sort();

const anySet = fc.integer({ min: 1, max: 70 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    members: fc.uniqueArray(fc.nat(size - 1), { minLength: 1 }).map((m) => m.sort((a, b) => a - b)),
  }),
);

describe('a proof of a set of leaves', () => {
  it('leads from the members to the root, and from no other leaf or size', () => {
    fc.assert(
      fc.property(anySet, fc.nat(), ({ size, members }, pick) => {
        const { leaves, root } = tree(size);
        const proof = proveSet((first, end) => leaves.slice(first, end), members, size);
        const given = members.map((index) => ({ index, leaf: leaves[index]! }));
        expect(rootOfSet(given, size, proof)).toEqual(root);
        const wrong = given.map((one, i) =>
          i === pick % given.length ? { ...one, leaf: leafHash(Buffer.from('another')) } : one,
        );
        expect(rootOfSet(wrong, size, proof)).not.toEqual(root);
        expect(rootOfSet(given, size, [...proof, root])).toBeUndefined();
        expect(rootOfSet(given.slice(1), size, proof)).not.toEqual(root);
      }),
      { seed: 1 },
    );
  });

  it('of one leaf has the hashes of its inclusion proof (RFC 6962), of all leaves none', () => {
    for (let size = 1; size < 40; size++) {
      const { leaves } = tree(size);
      const range = (first: number, end: number): Hash[] => leaves.slice(first, end);
      for (let i = 0; i < size; i++) {
        expect(hex(proveSet(range, [i], size))).toEqual(hex(inclusionProof(range, i, size)));
      }
      expect(proveSet(range, [...leaves.keys()], size)).toEqual([]);
    }
  });

  it('is refused for a leaf that the tree has not', () => {
    expect(() => proveSet(() => [], [3], 3)).toThrow(RangeError);
    expect(rootOfSet([{ index: 3, leaf: leafHash(Buffer.of()) }], 3, [])).toBeUndefined();
  });
});
