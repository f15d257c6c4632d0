import type { Hash } from './merkle-tree';
import { signNote, verifiedText, type SignerKey, type VerifierKey } from './signed-note';

/** A tree head that someone signed: the ledger's first `size` commits, no more and no others. */
export interface Checkpoint {
  /** Name of the log, the same for ever. */
  readonly origin: string;
  readonly size: number;
  /** Root of the Merkle tree over the commits' hashes: 32 bytes. */
  readonly root: Hash;
}

/** A checkpoint as a signed note (C2SP tlog-checkpoint): origin, size, root in base64, a line each. */
export function signCheckpoint({ origin, size, root }: Checkpoint, signer: SignerKey): string {
  const base64 = Buffer.from(root).toString('base64');
  return signNote(`${origin}\n${size}\n${base64}\n`, signer);
}

/** Reads a signed checkpoint; undefined when the key did not sign it or it is not one. */
export function openCheckpoint(note: string, verifier: VerifierKey): Checkpoint | undefined {
  const text = verifiedText(note, verifier);
  if (text === undefined) return undefined;
  const [origin = '', size = '', base64 = ''] = text.split('\n');
  const root = Buffer.from(base64, 'base64');
  // Further lines are extensions, which the format allows.
  if (origin === '' || !/^(0|[1-9]\d*)$/.test(size) || root.length !== 32) return undefined;
  return { origin, size: Number(size), root };
}

/** The notes of a file of checkpoints, one after the other, each from its origin to its signatures. */
export function splitNotes(text: string): string[] {
  return text.match(/[^\n—][^]*?\n\n(?:— [^\n]*\n)+/gu) ?? [];
}
