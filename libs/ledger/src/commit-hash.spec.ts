import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { GENESIS_HASH, hashCommit, type HashedCommit } from './commit-hash';
import type { EventRow } from './rows';

const commit: HashedCommit = {
  position: 1,
  host: 'h',
  at: 't',
  actor: 'é',
  commandId: 'id',
  command: '{}',
  commandWords: Uint8Array.of(1, 2),
  outcome: '{}',
  correlationId: null,
  causationId: null,
  prevHash: GENESIS_HASH,
};
const event: EventRow = {
  position: 1,
  idx: 0,
  stream: 's',
  version: 1,
  type: 'T',
  schema: 1,
  payload: '{}',
  words: null,
};

describe('the hash of a commit', () => {
  it('is SHA-256 over tagged, length-prefixed columns, as an auditor would compute it', () => {
    const text = (value: string): string => {
      const bytes = Buffer.from(value, 'utf8');
      return `54${bytes.length.toString(16).padStart(8, '0')}${bytes.toString('hex')}`;
    };
    const integer = (value: number): string => `49${value.toString(16).padStart(16, '0')}`;
    const hex = [
      Buffer.from('steward commit 1\n').toString('hex'),
      integer(1),
      ...['h', 't', 'é', 'id', '{}'].map(text),
      '42000000020102',
      text('{}'),
      '4e4e',
      text('0'.repeat(64)),
      integer(1),
      integer(1),
      integer(0),
      text('s'),
      integer(1),
      text('T'),
      integer(1),
      text('{}'),
      '4e',
    ].join('');
    const expected = createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');
    expect(hashCommit(commit, [event])).toBe(expected);
  });

  it('is the same for text and for the bytes it is stored as', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (payload) => {
        const asBytes = { ...event, payload: Buffer.from(payload, 'utf8') };
        expect(hashCommit(commit, [asBytes])).toBe(hashCommit(commit, [{ ...event, payload }]));
      }),
    );
  });

  it('changes when a character moves from one column to the next', () => {
    const moved = { ...event, stream: 'sT', type: '' };
    expect(hashCommit(commit, [moved])).not.toBe(hashCommit(commit, [event]));
  });

  it('tells NULL from empty', () => {
    const empty = { ...event, words: new Uint8Array() };
    expect(hashCommit(commit, [empty])).not.toBe(hashCommit(commit, [event]));
  });
});
