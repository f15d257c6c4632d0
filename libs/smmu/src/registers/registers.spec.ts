import { REGISTERS } from '../formats/registers';
import { Machine, NESTED_IDR } from '../__fixtures__/machine';
import { PhysicalMemory } from '../memory/physical-memory';
import { Smmu } from '../smmu';
import { UnsupportedFeatureError, unsupportedFeatures } from './unsupported';

const GBPA_ABORT = 1n << 20n;
const UPDATE = 1n << 31n;

describe('registers', () => {
  it('keep identification and status read-only', () => {
    const { smmu } = new Machine();
    for (const name of ['IDR0', 'IDR5', 'AIDR', 'GERROR', 'CR0ACK'] as const) {
      const before = smmu.readRegister(name);
      smmu.writeRegister(name, 0xffff_ffffn);
      expect(smmu.readRegister(name)).toBe(before);
    }
  });

  it('acknowledge CR0 and IRQ_CTRL at once', () => {
    const { smmu } = new Machine();
    smmu.writeRegister('CR0', 0x8n);
    smmu.writeRegister('IRQ_CTRL', 0x5n);
    expect(smmu.readRegister('CR0ACK')).toBe(8n);
    expect(smmu.readRegister('IRQ_CTRLACK')).toBe(5n);
  });

  it.each([
    ['STRTAB_BASE', 1n],
    ['STRTAB_BASE_CFG', 1n],
    ['CR2', 1n],
    ['EVENTQ_BASE', 4n],
    ['EVENTQ_PROD', 4n],
    ['CMDQ_BASE', 8n],
    ['CMDQ_CONS', 8n],
  ] as const)('keep %s while CR0 bit %i is set', (name, enable) => {
    const { smmu } = new Machine();
    const before = smmu.readRegister(name);
    smmu.writeRegister(name, 0x40n);
    expect(smmu.readRegister(name)).toBe(before);
    smmu.writeRegister('CR0', 0xdn & ~enable);
    smmu.writeRegister(name, 0x40n);
    expect(smmu.readRegister(name)).toBe(0x40n);
  });

  it('change GBPA only by a write with UPDATE, which then reads as 0', () => {
    const { smmu } = new Machine();
    smmu.writeRegister('GBPA', GBPA_ABORT);
    expect(smmu.readRegister('GBPA')).toBe(0n);
    smmu.writeRegister('GBPA', GBPA_ABORT | UPDATE);
    expect(smmu.readRegister('GBPA')).toBe(GBPA_ABORT);
  });
});

describe('with SMMUEN=0', () => {
  it('GBPA lets addresses within the output size pass, or aborts, and records nothing', () => {
    const machine = new Machine();
    machine.smmu.writeRegister('CR0', 0xcn);
    expect(machine.read(5, 0x4100_0000)).toMatchObject({ kind: 'ok', pa: 0x4100_0000 });
    expect(machine.read(5, 0x1000)).toEqual({ kind: 'no-memory', pa: 0x1000 });
    expect(machine.read(5, 2n ** 44n)).toEqual({ kind: 'abort' });
    expect(machine.read(5, 2n ** 64n - 1n)).toEqual({ kind: 'abort' });
    machine.smmu.writeRegister('GBPA', GBPA_ABORT | UPDATE);
    expect(machine.read(5, 0x4100_0000)).toEqual({ kind: 'abort' });
  });
});

describe('features the model does not have', () => {
  const build = (idr0: number, idr5 = 0x74): Smmu =>
    new Smmu(
      { idr: [idr0, 0x02730010, 0, 0x1414, 0, idr5], iidr: 0, aidr: 1 },
      new PhysicalMemory([]),
    );

  it.each([
    ['IDR0.STALL_MODEL', NESTED_IDR[0] | (3 << 24), 0x74],
    ['IDR0.HTTU', NESTED_IDR[0] | (3 << 6), 0x74],
    ['IDR0.TTF', NESTED_IDR[0] | (1 << 2), 0x74],
    ['IDR5.DS', NESTED_IDR[0], 0xf4],
    ['IDR5.OAS', NESTED_IDR[0], 0x77],
  ])('are named when an SMMU offers them: %s', (field, idr0, idr5) => {
    expect(() => build(idr0, idr5)).toThrow(UnsupportedFeatureError);
    expect(() => build(idr0, idr5)).toThrow(field);
    const configuration = {
      idr: [idr0, 0x02730010, 0, 0x1414, 0, idr5],
      iidr: 0,
      aidr: 1,
    } as const;
    expect(unsupportedFeatures(configuration).map((f) => f.field)).toEqual([field]);
  });

  it.each(['MPAM', 'DPT', 'S1PI', 'S2PI', 'S2PO', 'THE', 'MTEPERM', 'AIE'])(
    'are named when an SMMU offers them: IDR3.%s',
    (name) => {
      const idr3 = NESTED_IDR[3] | Number(REGISTERS.IDR3.layout.encode({ [name]: 1n })[0]);
      const idr = [NESTED_IDR[0], NESTED_IDR[1], 0, idr3, 0, NESTED_IDR[5]] as const;
      const found = unsupportedFeatures({ idr, iidr: 0, aidr: 1 });
      expect(found.map((f) => f.field)).toEqual([`IDR3.${name}`]);
    },
  );

  it('are none of what the recorded SMMU offers', () => {
    expect(unsupportedFeatures({ idr: NESTED_IDR, iidr: 0, aidr: 1 })).toEqual([]);
  });
});
