import { generateKeyPairSync } from 'node:crypto';
import { appended, draft } from '../__fixtures__/drafts';
import { LedgerError } from '../ledger-error';
import { MemoryLedger } from '../memory-ledger';
import { openCheckpoint, signCheckpoint, splitNotes, type Checkpoint } from './checkpoint';
import { commitLeaf, CommitTree, compareWithCheckpoints } from './commit-tree';
import { isConsistent, isIncluded } from './merkle-tree';
import {
  isKeyName,
  parseVerifierKey,
  signNote,
  verifiedText,
  verifierKeyText,
} from './signed-note';

const signer = { name: 'steward.example/lab', key: generateKeyPairSync('ed25519').privateKey };
const other = { name: 'steward.example/lab', key: generateKeyPairSync('ed25519').privateKey };
const verifier = parseVerifierKey(verifierKeyText(signer));

async function ledgerOf(commits: number): Promise<MemoryLedger> {
  const ledger = new MemoryLedger();
  for (let i = 1; i <= commits; i++) await appended(ledger, draft(`c${i}`));
  return ledger;
}

describe('a signed note', () => {
  // Key and note of the signed-note specification's own example implementation (golang.org/x/mod/sumdb/note).
  it('of another implementation verifies', () => {
    const key = parseVerifierKey(
      'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    );
    const note =
      'If you think cryptography is the answer to your problem,\nthen you don’t know what your problem is.\n' +
      '\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
    const text = verifiedText(note.replaceAll('’', "'"), key);
    expect(text).toMatch(/^If you think cryptography/);
    expect(
      verifiedText(note.replaceAll('’', "'").replace('answer', 'Answer'), key),
    ).toBeUndefined();
  });

  it('verifies with its key, and with no other', () => {
    const note = signNote('one\ntwo\n', signer);
    expect(note).toMatch(/^one\ntwo\n\n— steward\.example\/lab \S+\n$/);
    expect(verifiedText(note, verifier)).toBe('one\ntwo\n');
    expect(verifiedText(note.replace('two', 'three'), verifier)).toBeUndefined();
    expect(verifiedText(note, parseVerifierKey(verifierKeyText(other)))).toBeUndefined();
    expect(() => signNote('no end', signer)).toThrow(RangeError);
  });

  it.each(['', 'a+b', 'x+00000000+AQ==', verifierKeyText(signer).replace('lab', 'lob')])(
    'refuses the verifier key %j',
    (text) => expect(() => parseVerifierKey(text)).toThrow(LedgerError),
  );

  it('takes names without blanks and plus', () => {
    expect(['a', 'example.com/log', 'a b', 'a+b', ''].map(isKeyName)).toEqual([
      ...[true, true, false, false, false],
    ]);
  });
});

describe('checkpoints of a ledger', () => {
  const checkpoint = async (ledger: MemoryLedger, size: number): Promise<Checkpoint> => ({
    origin: 'steward.example/lab',
    size,
    root: (await CommitTree.of(ledger, size)).root(),
  });

  it('come back from their notes, several in one file', async () => {
    const ledger = await ledgerOf(5);
    const notes: string[] = [];
    for (const size of [0, 3, 5])
      notes.push(signCheckpoint(await checkpoint(ledger, size), signer));
    expect(splitNotes(notes.join(''))).toEqual(notes);
    const sizes = splitNotes(notes.join('')).map((note) => openCheckpoint(note, verifier)?.size);
    expect(sizes).toEqual([0, 3, 5]);
    expect(openCheckpoint(signNote('origin\n05\nAA==\n', signer), verifier)).toBeUndefined();
  });

  it('agree with the ledger they were taken of, and with every longer one', async () => {
    const ledger = await ledgerOf(7);
    const taken = [await checkpoint(ledger, 7), await checkpoint(ledger, 3)];
    await appended(ledger, draft('c8'));
    expect(await compareWithCheckpoints(ledger, taken)).toEqual([
      { kind: 'agrees', size: 3 },
      { kind: 'agrees', size: 7 },
    ]);
  });

  it('name the commits among which another history begins, and those that are missing', async () => {
    const mine = await ledgerOf(4);
    const taken = [await checkpoint(mine, 2), await checkpoint(mine, 4)];
    const forged = await ledgerOf(2);
    await appended(forged, draft('x3'));
    await appended(forged, draft('c4'));
    expect(await compareWithCheckpoints(forged, taken)).toEqual([
      { kind: 'agrees', size: 2 },
      { kind: 'differs', size: 4, after: 2 },
    ]);
    expect(await compareWithCheckpoints(await ledgerOf(3), taken)).toEqual([
      { kind: 'agrees', size: 2 },
      { kind: 'missing', size: 4, commits: 3 },
    ]);
  });

  it('let a commit be proved to someone who has only the checkpoint', async () => {
    const ledger = await ledgerOf(9);
    const [small, tree] = [await CommitTree.of(ledger, 4), await CommitTree.of(ledger, 9)];
    for (let position = 1; position <= 9; position++) {
      const leaf = commitLeaf((await ledger.commit(position))?.hash ?? '');
      const place = { index: position - 1, size: 9 };
      expect(isIncluded(leaf, place, tree.proveInclusion(position), tree.root())).toBe(true);
    }
    const proof = tree.proveConsistency(4);
    expect(isConsistent({ before: 4, size: 9 }, proof, small.root(), tree.root())).toBe(true);
    await expect(CommitTree.of(ledger, 10)).rejects.toThrow(/has 9 commits, not 10/);
  });
});
