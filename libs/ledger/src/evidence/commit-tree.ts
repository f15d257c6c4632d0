import type { Ledger } from '../port';
import type { Checkpoint } from './checkpoint';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  TreeHead,
  type Hash,
  type LeafRange,
} from './merkle-tree';

/** The leaf of a commit: the hash of its hash's 32 bytes. Leaf i stands for commit i + 1. */
export function commitLeaf(commitHash: string): Hash {
  return leafHash(Buffer.from(commitHash, 'hex'));
}

/** The Merkle tree over the hashes of a ledger's commits, as far as it has been read. */
export class CommitTree {
  private readonly head = new TreeHead();
  private readonly leaves: Hash[] = [];

  /** The first `size` commits. @throws RangeError when the ledger has fewer. */
  static async of(ledger: Ledger, size: number): Promise<CommitTree> {
    const tree = new CommitTree();
    if (size > 0) {
      for await (const { hash } of ledger.headers({ until: size })) tree.append(hash);
    }
    if (tree.size < size) throw new RangeError(`the ledger has ${tree.size} commits, not ${size}`);
    return tree;
  }

  get size(): number {
    return this.head.size;
  }

  append(commitHash: string): void {
    const leaf = commitLeaf(commitHash);
    this.leaves.push(leaf);
    this.head.append(leaf);
  }

  root(): Hash {
    return this.head.root();
  }

  /** Proof that a commit is in this tree. @throws RangeError for a position it does not have. */
  proveInclusion(position: number): Hash[] {
    return inclusionProof(this.range, position - 1, this.size);
  }

  /** Proof that this tree begins with that of the first `before` commits. */
  proveConsistency(before: number): Hash[] {
    return consistencyProof(this.range, before, this.size);
  }

  private readonly range: LeafRange = (first, end) => this.leaves.slice(first, end);
}

/** What a ledger's checkpoints say of it. */
export type CheckpointFinding =
  | { readonly kind: 'agrees'; readonly size: number }
  /** The first `size` commits are not those that were signed; the first that is wrong lies after `after`. */
  | { readonly kind: 'differs'; readonly size: number; readonly after: number }
  /** Commits that were signed are missing. */
  | { readonly kind: 'missing'; readonly size: number; readonly commits: number };

/**
 * Compares a ledger with the checkpoints signed over it, in one pass: each must be the root of the ledger's first `size`
 * commits. Read after `verify`, which shows that the hashes are those of the stored bytes.
 */
export async function compareWithCheckpoints(
  ledger: Ledger,
  checkpoints: readonly Checkpoint[],
): Promise<readonly CheckpointFinding[]> {
  const bySize = [...checkpoints].sort((a, b) => a.size - b.size);
  const head = new TreeHead();
  const findings: CheckpointFinding[] = [];
  let agreed = 0;
  let next = 0;
  const compare = (): void => {
    for (; next < bySize.length && bySize[next]?.size === head.size; next++) {
      const { root, size } = bySize[next]!;
      const agrees = Buffer.from(root).equals(head.root());
      if (agrees) agreed = size;
      findings.push(agrees ? { kind: 'agrees', size } : { kind: 'differs', size, after: agreed });
    }
  };
  compare();
  for await (const { hash } of ledger.headers()) {
    head.append(commitLeaf(hash));
    compare();
  }
  for (const { size } of bySize.slice(next)) {
    findings.push({ kind: 'missing', size, commits: head.size });
  }
  return findings;
}
