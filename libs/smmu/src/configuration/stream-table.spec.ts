import { Machine } from '../__fixtures__/machine';
import { L1STD } from '../formats/stream-table-descriptor';
import { STE } from '../formats/ste';
import { eventName } from '../formats/event-records';
import type { Outcome } from '../transaction';

const BYPASS = STE.encode({ V: 1n, Config: 4n });
const SPLIT = 6n;

function event(outcome: Outcome): string | undefined {
  return outcome.kind === 'abort' && outcome.event ? eventName(outcome.event) : undefined;
}

/** A two-level table of 2^8 streams whose first level-1 descriptor is given. */
function twoLevel(Span: bigint, split = SPLIT): { machine: Machine; l1: number; leaf: number } {
  const machine = new Machine();
  const l1 = machine.page();
  const leaf = machine.page();
  machine.memory.write64(l1, L1STD.encode({ Span, L2Ptr: BigInt(leaf) })[0]!);
  for (let n = 0; n < 64; n++) machine.writeWords(leaf + n * 64, BYPASS);
  machine.smmu.writeRegister('CR0', 0xcn);
  machine.smmu.writeRegister('STRTAB_BASE', BigInt(l1));
  machine.smmu.writeRegister('STRTAB_BASE_CFG', (1n << 16n) | (split << 6n) | 8n);
  machine.smmu.writeRegister('CR0', 0xdn);
  return { machine, l1, leaf };
}

const TARGET = 0x5000_0000;

describe('a two-level stream table', () => {
  it.each([
    [1n, [0], [1, 63]],
    [3n, [0, 3], [4, 63]],
    [7n, [0, 63], []],
    [0n, [], [0]],
    [8n, [], [0]],
    [12n, [], [0]],
  ])('with Span %i holds StreamIDs %j and refuses %j', (span, held, refused) => {
    for (const streamId of held) {
      expect(twoLevel(span).machine.read(streamId, TARGET).kind).toBe('ok');
    }
    for (const streamId of [...refused, 64, 256]) {
      expect(event(twoLevel(span).machine.read(streamId, TARGET))).toBe('C_BAD_STREAMID');
    }
  });

  it('keeps its level-1 descriptor, an invalid one too, until Leaf=0 or a range names it', () => {
    for (const [name, values] of [
      ['CFGI_STE', { StreamID: 5n, Leaf: 0n }],
      ['CFGI_STE_RANGE', { StreamID: 5n, Range: 0n }],
      ['CFGI_STE_RANGE', { Range: 31n }],
    ] as const) {
      const { machine, l1, leaf } = twoLevel(0n);
      expect(event(machine.read(0, TARGET))).toBe('C_BAD_STREAMID');
      machine.memory.write64(l1, L1STD.encode({ Span: 7n, L2Ptr: BigInt(leaf) })[0]!);
      machine.command('CFGI_STE', { StreamID: 0n, Leaf: 1n });
      machine.command('CFGI_STE', { StreamID: 64n, Leaf: 0n });
      expect(event(machine.read(0, TARGET))).toBe('C_BAD_STREAMID');
      machine.command(name, values);
      expect(machine.read(0, TARGET).kind).toBe('ok');
    }
  });

  it('records C_BAD_STREAMID only with CR2.RECINVSID', () => {
    const { machine } = twoLevel(0n);
    machine.smmu.writeRegister('CR0', 0xcn);
    machine.smmu.writeRegister('CR2', 0n);
    machine.smmu.writeRegister('CR0', 0xdn);
    expect(machine.read(0, TARGET)).toEqual({ kind: 'abort' });
  });

  it.each([0n, 7n, 9n, 11n, 31n])('takes the reserved SPLIT %i for 6 (§6.3.25)', (split) => {
    const { machine } = twoLevel(7n, split);
    expect(machine.read(63, TARGET).kind).toBe('ok');
    expect(event(machine.read(64, TARGET))).toBe('C_BAD_STREAMID');
  });
});

describe('a linear stream table', () => {
  it('has no more streams than IDR1.SIDSIZE says, whatever LOG2SIZE (§6.3.25)', () => {
    const machine = new Machine();
    machine.smmu.writeRegister('CR0', 0xcn);
    machine.smmu.writeRegister('STRTAB_BASE_CFG', 20n);
    machine.smmu.writeRegister('CR0', 0xdn);
    expect(event(machine.read(0xffff, TARGET))).toBe('C_BAD_STE');
    expect(event(machine.read(0x1_0000, TARGET))).toBe('C_BAD_STREAMID');
  });
});
