import { encodeCommand } from '@steward/smmu';
import { assemble } from './assembly';
import { inferEntries } from './entry-inference';
import type { Moment } from './moments';
import { StreamTable } from './stream-table';

const word = (n: bigint) => [n, ...new Array<bigint>(7).fill(0n)];
const ABORT = word(0x1n);
const BYPASS = word(0x9n);
const TABLE: Moment[] = [
  { kind: 'register', line: 1, name: 'STRTAB_BASE', value: 0x4400_0000n },
  { kind: 'register', line: 1, name: 'STRTAB_BASE_CFG', value: 0x10210n },
];
const cfgi = (sid: bigint): Moment => ({
  kind: 'commands',
  line: 2,
  words: [encodeCommand('CFGI_STE', { StreamID: sid, Leaf: 1n })],
});
const walk = (vsid: number, l1: number, l2: number): Moment => ({
  kind: 'stream-table',
  line: 3,
  vsid,
  l1,
  l2,
  span: 9n,
});
const phaseEnd = (name: string, ...stes: [number, bigint[]][]): Moment => ({
  kind: 'phase-end',
  line: 4,
  phase: {
    name,
    lastLine: 4,
    commandsEnd: 0,
    registers: {},
    entries: new Map(stes.map(([vsid, ste]) => [vsid, { ste }])),
  },
});
const pte = (ipa: number, value: bigint): Moment => ({
  kind: 'table-word',
  line: 5,
  ipa,
  word: value,
});

function assembled(moments: Moment[], streams: number[]) {
  const { writes } = inferEntries(moments, streams);
  const { steps, notes } = assemble(moments, writes, new StreamTable(moments), streams);
  const shown = steps.map((step) =>
    step.kind === 'write'
      ? `${step.inferred} 0x${step.ipa.toString(16)}=0x${step.word.toString(16)}`
      : step.kind,
  );
  return { shown: shown.slice(TABLE.length), notes };
}

describe('the steps of a recording', () => {
  it('fill a new level-2 table with abort STEs, then point to it, then write the STE, then announce it', () => {
    const { shown, notes } = assembled(
      [
        ...TABLE,
        cfgi(0x10n),
        walk(0x10, 0x4400_0000, 0x6be2_0000),
        phaseEnd('boot', [0x10, BYPASS], [0x18, ABORT]),
      ],
      [0x10, 0x18],
    );
    expect(shown).toEqual([
      'ste-initial 0x6be20400=0x1',
      'ste-initial 0x6be20600=0x1',
      'l1std 0x44000000=0x6be20009',
      'ste-phase-end 0x6be20400=0x9',
      'commands',
      'phase-end',
    ]);
    expect(notes).toEqual([]);
  });

  it('write an STE before the last of several CFGI_STE in its phase', () => {
    const { shown } = assembled(
      [
        ...TABLE,
        walk(0x10, 0x4400_0000, 0x6be2_0000),
        cfgi(0x10n),
        cfgi(0x10n),
        phaseEnd('boot', [0x10, BYPASS]),
      ],
      [0x10],
    );
    expect(shown.slice(2)).toEqual([
      'commands',
      'ste-phase-end 0x6be20400=0x9',
      'commands',
      'phase-end',
    ]);
  });

  it('leave out an STE whose level-2 table no walk shows, and say so', () => {
    const { shown, notes } = assembled(
      [...TABLE, cfgi(0x100n), phaseEnd('boot', [0x100, BYPASS])],
      [0x100],
    );
    expect(shown).toEqual(['commands', 'phase-end']);
    expect(notes).toEqual([
      expect.stringMatching(/^the STE of StreamID 0x100 is not placed/),
      expect.stringMatching(/^the STE of StreamID 0x100 at the end of boot has no known place/),
    ]);
  });

  it('find an STE of a linear table from the register alone', () => {
    const linear: Moment[] = [
      { kind: 'register', line: 1, name: 'STRTAB_BASE', value: 0x4400_0000n },
      { kind: 'register', line: 1, name: 'STRTAB_BASE_CFG', value: 8n },
    ];
    const { shown } = assembled([...linear, cfgi(0x10n), phaseEnd('boot', [0x10, BYPASS])], [0x10]);
    expect(shown).toEqual(['ste-phase-end 0x44000400=0x9', 'commands', 'phase-end']);
  });

  it('mark and note an STE that changed with no CFGI_STE', () => {
    const { shown, notes } = assembled(
      [
        ...TABLE,
        walk(0x10, 0x4400_0000, 0x6be2_0000),
        cfgi(0x10n),
        phaseEnd('a', [0x10, BYPASS]),
        phaseEnd('b', [0x10, ABORT]),
      ],
      [0x10],
    );
    expect(shown).toContain('unannounced 0x6be20400=0x1');
    expect(notes).toEqual(['the STE of StreamID 0x10 changed with no CFGI command']);
  });

  it('clear an STE that is absent after its CFGI_STE', () => {
    const { shown } = assembled(
      [
        ...TABLE,
        walk(0x10, 0x4400_0000, 0x6be2_0000),
        cfgi(0x10n),
        phaseEnd('a', [0x10, BYPASS]),
        cfgi(0x10n),
        phaseEnd('b'),
      ],
      [0x10],
    );
    expect(shown.slice(-3)).toEqual(['ste-phase-end 0x6be20400=0x0', 'commands', 'phase-end']);
  });

  it('write a descriptor before each walk that reads another value at its address', () => {
    const { shown } = assembled(
      [
        pte(0x1000, 0x3n),
        pte(0x1000, 0x3n),
        pte(0x1000, 0x7n),
        pte(0x1000, 0x0n),
        pte(0x2000, 0x0n),
      ],
      [],
    );
    // No stream table here: slice() dropped the first two.
    expect(shown).toEqual(['pte 0x1000=0x0']);
  });
});
