import fc from 'fast-check';
import { formatRecording, parseRecording } from '@steward/guest';
import { identityGuest } from '../__fixtures__/recorded-guests';
import { readRecording } from '../__fixtures__/stage1-reader';
import { importQemuTrace } from './import';
import { CmdqError, NoSuchSmmu, TraceError } from './trace-error';

const PAIR = identityGuest();
const { recording, report } = importQemuTrace(PAIR);

interface CmdqDocument {
  phases: { phase: string; cmdq_index: [number, number][] }[];
}
const CMDQ = PAIR.cmdq as CmdqDocument;

describe('the recording of a real guest', () => {
  it('has every command, translation and phase of the trace, and no line it does not know', () => {
    expect(report).toMatchObject({
      lines: 6872,
      parsed: 6872,
      unknown: {},
      commands: 118,
      translations: 2607,
      phases: 25,
      findings: [],
      notes: [],
    });
    expect(recording.playable).toBe(true);
  });

  it('has the identification registers that the guest read', () => {
    expect(recording.smmu).toEqual({
      idr: [0xd44101b, 0x2730010, 0, 0x1414, 0, 0x74],
      iidr: 0,
      aidr: 1,
    });
  });

  it('knows each stream by StreamID and devfn', () => {
    expect(recording.streams).toEqual([
      { vsid: 0x00, devfn: 0x00 },
      { vsid: 0x08, devfn: 0x08 },
      { vsid: 0x10, devfn: 0x10 },
      { vsid: 0x18, devfn: 0x18 },
      { vsid: 0x20, devfn: 0x20 },
      { vsid: 0x100, devfn: 0x00 },
    ]);
  });

  it('keeps the MSI doorbell apart from memory', () => {
    expect(recording.doorbells).toEqual([{ base: 0x809_0000, size: 0x1000 }]);
    expect(recording.memory.every(({ base }) => base >= 0x4000_0000)).toBe(true);
  });

  it('holds in memory every page that a step touches', () => {
    const pages = [...recording.memory, ...recording.doorbells];
    const inside = (ipa: number) =>
      pages.some(({ base, size }) => ipa >= base && ipa < base + size);
    for (const step of recording.steps) {
      if (step.kind === 'write') expect(inside(step.ipa)).toBe(true);
      if (step.kind === 'dma' && step.expect.kind === 'ok') {
        expect(inside(step.expect.ipa)).toBe(true);
      }
    }
  });

  it('starts with Linux’s bring-up of the SMMU, in its order', () => {
    const first = recording.steps.slice(0, 11);
    expect(first.map((step) => (step.kind === 'register' ? step.name : step.kind))).toEqual([
      'CR0',
      'CR1',
      'CR2',
      'STRTAB_BASE',
      'STRTAB_BASE_CFG',
      'CMDQ_BASE',
      'CMDQ_PROD',
      'CMDQ_CONS',
      'CR0',
      'commands',
      'commands',
    ]);
  });

  it('points a level-1 descriptor to its table before any command names a stream of it', () => {
    const l1 = recording.steps.findIndex((s) => s.kind === 'write' && s.inferred === 'l1std');
    const cfgi = recording.steps.findIndex(
      (s) => s.kind === 'commands' && s.words.some(([w]) => (w & 0xffn) === 0x03n),
    );
    expect(l1).toBeGreaterThan(0);
    expect(l1).toBeLessThan(cfgi);
    expect(recording.steps[l1]).toMatchObject({ ipa: 0x4509_0000, word: 0x6be2_0009n });
  });

  it.each(['none', 'for-ever'] as const)(
    'answers every access and phase end as recorded when the reader keeps %s',
    (keeps) => {
      expect(readRecording(recording, keeps)).toEqual({
        accesses: 2607,
        phaseEndStes: 150,
        commands: 118,
        wrong: [],
      });
    },
  );

  it('counts what was inferred, by rule', () => {
    expect(report.inferred).toEqual({
      'ste-initial': 6,
      l1std: 2,
      'ste-phase-end': 16,
      'cd-phase-end': 4,
      pte: 23,
    });
  });

  it('survives its file format', () => {
    const text = JSON.stringify(formatRecording(recording));
    expect(parseRecording(JSON.parse(text))).toEqual(recording);
  });
});

describe('a recording with fewer phase ends', () => {
  /** The phases at whose end the stage-1 STE of this guest was read: one of them is needed to know its kind. */
  const stage1 = ['group_type_DMA-FQ', 'group_type_DMA', 'nvme_rebind', 'nvme_read_after_rebind'];

  it('still answers every access, for what a transaction shows of an STE or CD is placed too', () => {
    fc.assert(
      fc.property(
        fc.subarray(CMDQ.phases),
        fc.constantFrom(...stage1),
        fc.constantFrom('none' as const, 'for-ever' as const),
        (kept, needed, keeps) => {
          const phases = CMDQ.phases.filter(
            (phase) => kept.includes(phase) || phase.phase === needed,
          );
          const thinned = importQemuTrace({ ...PAIR, cmdq: { ...CMDQ, phases } });
          const reading = readRecording(thinned.recording, keeps);
          expect(reading.wrong).toEqual([]);
          expect(reading.accesses).toBe(2607);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('says which entry it cannot know', () => {
    const phases = CMDQ.phases.filter(({ phase }) => phase === 'end');
    const { notes } = importQemuTrace({ ...PAIR, cmdq: { ...CMDQ, phases } }).report;
    expect(notes).toEqual([
      'line 4276: nothing in the recording tells the words of the STE that StreamID 0x10 used here',
      'line 4276: nothing in the recording tells the words of the CD that StreamID 0x10 used here',
    ]);
  });
});

describe('a trace without its command queue', () => {
  const { recording: shown, report: seen } = importQemuTrace({ trace: PAIR.trace });

  it('gives a recording that can be looked at, not played', () => {
    expect(shown.playable).toBe(false);
    expect(seen).toMatchObject({ commands: 118, translations: 2607, phases: 0, findings: [] });
    expect(shown.smmu.idr[0]).toBe(0xd44101b);
  });

  it('has the commands as far as the text shows them', () => {
    const names = (from: typeof recording) =>
      from.steps.flatMap((s) => (s.kind === 'commands' ? s.words.map(([w]) => w & 0xffn) : []));
    expect(names(shown)).toEqual(names(recording));
  });

  it('knows the SMMU that is not there', () => {
    expect(() => importQemuTrace({ trace: PAIR.trace, smmu: 1 })).toThrow(NoSuchSmmu);
  });

  it('recognises two SMMUs by their resets, which only the raw commands tell apart', () => {
    const two = `smmu_reset_exit \n${PAIR.trace}`;
    expect(() => importQemuTrace({ trace: two })).toThrow(/--cmdq/);
  });

  it('refuses a printed value that does not fit its field', () => {
    const wrong = PAIR.trace.replace(
      'smmuv3_cmdq_tlbi_nh_asid asid=1',
      'smmuv3_cmdq_tlbi_nh_asid asid=70000',
    );
    expect(() => importQemuTrace({ trace: wrong })).toThrow(TraceError);
  });
});

describe('damaged input', () => {
  const rows = PAIR.trace.split('\n');
  const cut = (count: number) => `${rows.slice(0, count).join('\n')}\n`;

  it('a trace that ends before its last phase is truncated, wherever it was cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6731 }), (count) => {
        expect(() => importQemuTrace({ ...PAIR, trace: cut(count) })).toThrow(
          new RegExp(`^line ${count + 1}: .*truncated`),
        );
      }),
      { numRuns: 10 },
    );
  });

  it('a queue with fewer commands than the trace shows is not this trace’s', () => {
    const phases = CMDQ.phases.map((phase) => ({
      ...phase,
      cmdq_index: phase.cmdq_index.map(([a, b]) => [Math.min(a, 100), Math.min(b, 100)]),
    }));
    const queue = (CMDQ as unknown as { smmu_queues: { cmdq: string[] }[] }).smmu_queues[0];
    const smmu_queues = [{ ...queue, cmdq: queue?.cmdq.slice(0, 100) }];
    expect(() => importQemuTrace({ ...PAIR, cmdq: { ...CMDQ, phases, smmu_queues } })).toThrow(
      /queue holds only 100/,
    );
  });

  it('a phase that ends at another command than the trace shows is named', () => {
    const phases = CMDQ.phases.map((phase, i) =>
      i === 0 ? { ...phase, cmdq_index: [[0, 18]] } : phase,
    );
    const wrong = () => importQemuTrace({ ...PAIR, cmdq: { ...CMDQ, phases } });
    expect(wrong).toThrow(CmdqError);
    expect(wrong).toThrow(/^phases\[0\]\.cmdq_index: expected 19 commands before the end of boot/);
  });

  it('a text line that disagrees with the raw command is a finding with line and field', () => {
    const index = rows.findIndex((row) => row.startsWith('smmuv3_cmdq_cfgi_ste '));
    const trace = rows.with(index, 'smmuv3_cmdq_cfgi_ste streamid= 0x77').join('\n');
    expect(importQemuTrace({ ...PAIR, trace }).report.findings).toEqual([
      { line: index + 1, command: 4, field: 'sid', text: '0x77', raw: '0x0' },
    ]);
  });

  it.each([
    ['smmuv3_get_cd CD addr:', /0x[0-9a-f]+/, '0x44415001', 'CD addr'],
    ['smmu_get_pte ', /pteaddr=0x[0-9a-f]+/, 'pteaddr=0x1001', 'pteaddr'],
    ['smmuv3_find_ste_2lvl ', /l2ptr:0x[0-9a-f]+/, 'l2ptr:0x1001', 'l2ptr'],
    ['smmuv3_decode_cd_tt ', /ttb:0x[0-9a-f]+/, 'ttb:0x1001', 'ttb'],
    ['smmuv3_translate_bypass ', /iova:0x[0-9a-f]+/, 'iova:0xffffffffffffffff', 'address'],
    ['smmuv3_write_mmio ', /addr: 0x[0-9a-f]+/, 'addr: 0x3', '0x3'],
  ])('a value of %s that cannot be is an error at its line', (start, from, to, named) => {
    const index = rows.findIndex((row) => row.startsWith(start));
    const trace = rows.with(index, (rows[index] ?? '').replace(from, to)).join('\n');
    const wrong = () => importQemuTrace({ ...PAIR, trace });
    expect(wrong).toThrow(TraceError);
    expect(wrong).toThrow(new RegExp(`^line ${index + 1}: .*${named}`));
  });
});
