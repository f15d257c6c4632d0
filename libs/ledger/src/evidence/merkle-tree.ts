import { createHash } from 'node:crypto';

/** A SHA-256 hash: 32 bytes. */
export type Hash = Uint8Array;

/** Hash of a leaf (RFC 6962 §2.1: 0x00, then the data). */
export function leafHash(data: Uint8Array): Hash {
  return createHash('sha256').update(LEAF).update(data).digest();
}

/** Hash of an inner node (RFC 6962 §2.1: 0x01, then both children). */
export function nodeHash(left: Hash, right: Hash): Hash {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Root of the tree without leaves: the hash of nothing. */
export const EMPTY_ROOT: Hash = createHash('sha256').digest();

/**
 * The tree's head, leaf by leaf: the roots of the complete subtrees that the leaves so far make up, the largest first.
 * Takes O(log n) memory.
 */
export class TreeHead {
  size = 0;
  private readonly subtrees: Hash[] = [];

  /** Adds the next leaf, given its hash. */
  append(leaf: Hash): void {
    let hash = leaf;
    // As many subtrees are complete now as the old size has trailing ones.
    for (let rest = this.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      hash = nodeHash(this.subtrees.pop() ?? EMPTY_ROOT, hash);
    }
    this.subtrees.push(hash);
    this.size++;
  }

  root(): Hash {
    const [last, ...larger] = [...this.subtrees].reverse();
    if (last === undefined) return EMPTY_ROOT;
    return larger.reduce((right, left) => nodeHash(left, right), last);
  }
}

/** Leaf hashes from `first` to before `end`, in order. */
export type LeafRange = (first: number, end: number) => Iterable<Hash>;

/**
 * Hashes from a leaf up to the root: enough to compute the root of `size` leaves from the leaf (RFC 6962 §2.1.1).
 * @throws RangeError unless 0 ≤ index < size.
 */
export function inclusionProof(leaves: LeafRange, index: number, size: number): Hash[] {
  if (index < 0 || index >= size) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const path: Hash[] = [];
  let [first, end] = [0, size];
  while (end - first > 1) {
    const middle = first + largestPowerBelow(end - first);
    if (index < middle) {
      path.push(rootOf(leaves, middle, end));
      end = middle;
    } else {
      path.push(rootOf(leaves, first, middle));
      first = middle;
    }
  }
  return path.reverse();
}

/** Whether a proof leads from a leaf's hash to a root. */
export function isIncluded(
  leaf: Hash,
  place: { readonly index: number; readonly size: number },
  proof: readonly Hash[],
  root: Hash,
): boolean {
  const { index, size } = place;
  if (index < 0 || index >= size) return false;
  let hash = leaf;
  let [node, last] = [index, size - 1];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      // A node without a right sibling is its parent: go up until there is one.
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else hash = nodeHash(hash, sibling);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(hash, root);
}

/**
 * Hashes that show that the tree of `size` leaves begins with the tree of `before` leaves (RFC 6962 §2.1.2).
 * @throws RangeError unless 0 < before ≤ size.
 */
export function consistencyProof(leaves: LeafRange, before: number, size: number): Hash[] {
  if (before < 1 || before > size) {
    throw new RangeError(`a tree of ${size} does not begin with one of ${before}`);
  }
  const path: Hash[] = [];
  let [first, end, whole] = [0, size, true];
  let old = before;
  while (old !== end - first) {
    const middle = largestPowerBelow(end - first);
    if (old <= middle) {
      path.push(rootOf(leaves, first + middle, end));
      end = first + middle;
    } else {
      path.push(rootOf(leaves, first, first + middle));
      first += middle;
      old -= middle;
      whole = false;
    }
  }
  // The old tree itself need not be told when it is a complete subtree of the new one.
  if (!whole) path.push(rootOf(leaves, first, end));
  return path.reverse();
}

/** Whether a proof shows that the tree with root `newRoot` begins with the one with root `oldRoot`. */
export function isConsistent(
  sizes: { readonly before: number; readonly size: number },
  proof: readonly Hash[],
  oldRoot: Hash,
  newRoot: Hash,
): boolean {
  const { before, size } = sizes;
  if (before < 1 || before > size) return false;
  if (before === size) return proof.length === 0 && equal(oldRoot, newRoot);
  let [node, last] = [before - 1, size - 1];
  while (node % 2 === 1) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  const rest = node === 0 ? [oldRoot, ...proof] : [...proof];
  const start = rest.shift();
  if (start === undefined) return false;
  let [oldHash, newHash] = [start, start];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else newHash = nodeHash(newHash, sibling);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(oldHash, oldRoot) && equal(newHash, newRoot);
}

/** Root of the tree over the leaves from `first` to before `end`. */
export function rootOf(leaves: LeafRange, first: number, end: number): Hash {
  const head = new TreeHead();
  for (const leaf of leaves(first, end)) head.append(leaf);
  return head.root();
}

/** Leaves left of the middle of a tree of n > 1: the largest power of two smaller than n (RFC 6962 §2.1). */
export function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

function equal(a: Hash, b: Hash): boolean {
  return Buffer.from(a).equals(b);
}
