import { largestPowerBelow, nodeHash, rootOf, type Hash, type LeafRange } from './merkle-tree';

/*
 * Inclusion of many leaves at once: where single inclusion proofs (RFC 6962 §2.1.1) repeat each other's hashes, this
 * names every subtree without a member once, from left to right. For one member it is that proof in another order.
 */

/**
 * Hashes that lead, together with those of the leaves at `members`, to the root of `size` leaves.
 * @param members indices in ascending order.
 * @throws RangeError for a member that is no leaf of the tree.
 */
export function proveSet(leaves: LeafRange, members: readonly number[], size: number): Hash[] {
  const stray = members.find((index) => index < 0 || index >= size);
  if (stray !== undefined) throw new RangeError(`no leaf ${stray} in a tree of ${size}`);
  const proof: Hash[] = [];
  walk(members, size, {
    outside: (first, end) => proof.push(rootOf(leaves, first, end)),
    member: () => undefined,
    inner: () => undefined,
  });
  return proof;
}

/**
 * The root that a proof leads to from the members' leaf hashes; undefined when the proof is not one of that many
 * members in a tree of that size.
 */
export function rootOfSet(
  members: readonly { readonly index: number; readonly leaf: Hash }[],
  size: number,
  proof: readonly Hash[],
): Hash | undefined {
  const rest = [...proof];
  const hashes: (Hash | undefined)[] = [];
  const indices = members.map(({ index }) => index);
  if (size < 1 || indices.some((index, i) => index <= (indices[i - 1] ?? -1) || index >= size)) {
    return undefined;
  }
  let next = 0;
  walk(indices, size, {
    outside: () => hashes.push(rest.shift()),
    member: () => hashes.push(members[next++]?.leaf),
    inner: () => {
      const [right, left] = [hashes.pop(), hashes.pop()];
      hashes.push(left && right && nodeHash(left, right));
    },
  });
  return rest.length === 0 ? hashes[0] : undefined;
}

interface Visitor {
  /** A subtree without a member. */
  outside(first: number, end: number): unknown;
  member(index: number): unknown;
  /** After both children of a subtree that has members. */
  inner(): unknown;
}

/** Goes through the tree of `size` leaves from left to right, into nothing that has no member. */
function walk(members: readonly number[], size: number, visitor: Visitor): void {
  const visit = (first: number, end: number, from: number, to: number): void => {
    if (from === to) return void visitor.outside(first, end);
    if (end - first === 1) return void visitor.member(first);
    const middle = first + largestPowerBelow(end - first);
    let split = from;
    while (split < to && (members[split] ?? end) < middle) split++;
    visit(first, middle, from, split);
    visit(middle, end, split, to);
    visitor.inner();
  };
  visit(0, size, 0, members.length);
}
