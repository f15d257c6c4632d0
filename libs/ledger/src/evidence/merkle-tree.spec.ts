import fc from 'fast-check';
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  nodeHash,
  TreeHead,
  type Hash,
} from './merkle-tree';

const hex = (hash: Hash): string => Buffer.from(hash).toString('hex');
const leaf = (i: number): Hash => leafHash(Uint8Array.of(i & 0xff, i >> 8));
const leaves = function* (first: number, end: number): Iterable<Hash> {
  for (let i = first; i < end; i++) yield leaf(i);
};
/** RFC 6962 §2.1 as it stands there. */
function treeHash(first: number, end: number): Hash {
  if (end === first) return EMPTY_ROOT;
  if (end - first === 1) return leaf(first);
  let k = 1;
  while (k * 2 < end - first) k *= 2;
  return nodeHash(treeHash(first, first + k), treeHash(first + k, end));
}

describe('the Merkle tree', () => {
  it('hashes as RFC 6962 says', () => {
    expect(hex(EMPTY_ROOT)).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(hex(leafHash(new Uint8Array()))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    const head = new TreeHead();
    expect(head.root()).toEqual(EMPTY_ROOT);
    for (let size = 1; size <= 70; size++) {
      head.append(leaf(size - 1));
      expect(head.size).toBe(size);
      expect(hex(head.root())).toBe(hex(treeHash(0, size)));
    }
  });

  it('proves every leaf, and nothing else', () => {
    for (let size = 1; size <= 33; size++) {
      const root = treeHash(0, size);
      for (let index = 0; index < size; index++) {
        const proof = inclusionProof(leaves, index, size);
        expect(isIncluded(leaf(index), { index, size }, proof, root)).toBe(true);
        expect(isIncluded(leaf(index + 1), { index, size }, proof, root)).toBe(false);
        if (size > 1) {
          const other = (index + 1) % size;
          expect(isIncluded(leaf(index), { index: other, size }, proof, root)).toBe(false);
          expect(isIncluded(leaf(index), { index, size }, proof.slice(1), root)).toBe(false);
        }
        expect(isIncluded(leaf(index), { index, size }, [...proof, root], root)).toBe(false);
      }
    }
  });

  it('proves that it only grew, and nothing else', () => {
    for (let size = 1; size <= 33; size++) {
      for (let before = 1; before <= size; before++) {
        const proof = consistencyProof(leaves, before, size);
        const [old, now] = [treeHash(0, before), treeHash(0, size)];
        expect(isConsistent({ before, size }, proof, old, now)).toBe(true);
        expect(isConsistent({ before, size }, proof, leaf(999), now)).toBe(false);
        expect(isConsistent({ before, size }, proof, old, leaf(999))).toBe(false);
        expect(isConsistent({ before, size }, [...proof, now], old, now)).toBe(false);
        if (proof.length > 0) {
          expect(isConsistent({ before, size }, proof.slice(1), old, now)).toBe(false);
        }
      }
    }
  });

  it('of another history is never consistent', () => {
    const sizes = fc.integer({ min: 2, max: 300 }).chain((size) =>
      fc.record({
        size: fc.constant(size),
        before: fc.integer({ min: 1, max: size - 1 }),
        changed: fc.nat(size - 1),
      }),
    );
    fc.assert(
      fc.property(sizes, ({ size, before, changed }) => {
        const other = function* (first: number, end: number): Iterable<Hash> {
          for (let i = first; i < end; i++) yield leaf(i === changed ? 60_000 : i);
        };
        const root = new TreeHead();
        for (const hash of other(0, size)) root.append(hash);
        const proof = consistencyProof(other, before, size);
        const holds = isConsistent({ before, size }, proof, treeHash(0, before), root.root());
        expect(holds).toBe(changed >= before);
      }),
    );
  });

  it('refuses a leaf or a size that is not there', () => {
    expect(() => inclusionProof(leaves, 3, 3)).toThrow(RangeError);
    expect(() => consistencyProof(leaves, 4, 3)).toThrow(RangeError);
    expect(isIncluded(leaf(3), { index: 3, size: 3 }, [], leaf(3))).toBe(false);
    expect(isConsistent({ before: 4, size: 3 }, [], leaf(3), leaf(3))).toBe(false);
  });
});
