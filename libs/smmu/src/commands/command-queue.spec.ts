import { COMMAND_NAMES, Machine, NESTED_IDR, rawCommand } from '../__fixtures__/machine';
import { encodeCommand, type CommandName } from '../formats/commands';

const STAGE1_ONLY = [NESTED_IDR[0] & ~1, NESTED_IDR[1], 0, 0x1404, 0, 0x74] as const;
const STAGE2_ONLY = [NESTED_IDR[0] & ~2, NESTED_IDR[1], 0, 0x1414, 0, 0x74] as const;
const WITH_ATS_PRI_HYP = [NESTED_IDR[0] | 0x1_0600, NESTED_IDR[1], 0, 0x1414, 0, 0x74] as const;

const CERROR_ILL = 1n;

function error(machine: Machine): bigint | undefined {
  const active = machine.smmu.readRegister('GERROR') ^ machine.smmu.readRegister('GERRORN');
  if ((active & 1n) === 0n) return undefined;
  return (machine.smmu.readRegister('CMDQ_CONS') >> 24n) & 0x7fn;
}

function refused(idr: ConstructorParameters<typeof Machine>[0]): CommandName[] {
  return COMMAND_NAMES.filter((name) => {
    const machine = new Machine(idr);
    machine.command(name);
    return error(machine) === CERROR_ILL;
  });
}

describe('commands of features that are not there', () => {
  const never = ['TLBI_EL3_ALL', 'TLBI_EL3_VA', 'CFGI_VMS_PIDM', 'DPTI_ALL', 'DPTI_PA'];
  const stalls = ['RESUME', 'STALL_TERM'];
  const el2 = ['TLBI_EL2_ALL', 'TLBI_EL2_ASID', 'TLBI_EL2_VA', 'TLBI_EL2_VAA'];
  const ats = ['ATC_INV', 'PRI_RESP'];
  const stage1 = [
    'CFGI_CD',
    'CFGI_CD_ALL',
    'TLBI_NH_ALL',
    'TLBI_NH_ASID',
    'TLBI_NH_VA',
    'TLBI_NH_VAA',
  ];
  const stage2 = ['TLBI_S12_VMALL', 'TLBI_S2_IPA'];

  it.each([
    ['both stages', NESTED_IDR, [...never, ...stalls, ...el2, ...ats]],
    ['stage 1 alone', STAGE1_ONLY, [...never, ...stalls, ...el2, ...ats, ...stage2]],
    ['stage 2 alone', STAGE2_ONLY, [...never, ...stalls, ...el2, ...ats, ...stage1]],
    ['both stages, ATS, PRI and EL2', WITH_ATS_PRI_HYP, [...never, ...stalls]],
  ] as const)('are CERROR_ILL with %s', (_what, idr, expected) => {
    expect(refused(idr).sort()).toEqual([...expected].sort());
  });

  it.each([0x00, 0x08, 0x14, 0x19, 0x47, 0x50, 0x58, 0x5a, 0x60, 0x7f, 0x80, 0xfe])(
    'are CERROR_ILL for opcode %i',
    (opcode) => {
      const machine = new Machine();
      machine.submit(rawCommand(opcode));
      expect(error(machine)).toBe(CERROR_ILL);
    },
  );
});

describe('illegal parameters', () => {
  it.each([
    ['PREFETCH_CONFIG', { SSec: 1n }],
    ['PREFETCH_ADDR', { SSec: 1n }],
    ['CFGI_STE', { SSec: 1n }],
    ['CFGI_STE_RANGE', { SSec: 1n, Range: 31n }],
    ['CFGI_CD', { SSec: 1n }],
    ['CFGI_CD_ALL', { SSec: 1n }],
    ['SYNC', { CS: 3n }],
    ['TLBI_NH_VA', { TG: 1n }],
    ['TLBI_NH_VAA', { TG: 3n }],
    ['TLBI_S2_IPA', { TG: 1n }],
    // TTL 1 of the 16K granule is taken for 0.
    ['TLBI_S2_IPA', { TG: 2n, TTL: 1n }],
  ] as const)('make %s %o CERROR_ILL', (name, values) => {
    const machine = new Machine();
    machine.command(name, values);
    expect(error(machine)).toBe(CERROR_ILL);
  });

  it.each([
    ['TLBI_NH_VA', { TG: 1n, TTL: 1n }],
    ['TLBI_NH_VA', { TG: 1n, NUM: 1n }],
    ['TLBI_NH_VA', { TG: 1n, SCALE: 1n }],
    ['TLBI_NH_VA', { NUM: 1n, SCALE: 1n, TTL: 1n }],
  ] as const)('do not: %s %o is consumed', (name, values) => {
    const machine = new Machine();
    machine.command(name, values);
    expect(error(machine)).toBeUndefined();
  });

  it('are not checked in range fields when range invalidation is not implemented', () => {
    const machine = new Machine([NESTED_IDR[0], NESTED_IDR[1], 0, 0x1010, 0, 0x74]);
    machine.command('TLBI_NH_VA', { TG: 1n });
    expect(error(machine)).toBeUndefined();
  });
});

describe('an error', () => {
  it('stops consumption at the command, and acknowledging it resumes there', () => {
    const consumed: number[] = [];
    const machine = new Machine(NESTED_IDR, {
      observer: { commandConsumed: (words) => consumed.push(Number(words[0] & 0xffn)) },
    });
    machine.command('SYNC');
    machine.submit(rawCommand(0));
    machine.command('TLBI_NSNH_ALL');
    expect(machine.smmu.readRegister('CMDQ_CONS')).toBe((1n << 24n) | 1n);
    expect(consumed).toEqual([0x46]);
    // Linux overwrites the bad command with a SYNC (arm_smmu_cmdq_skip_err).
    machine.writeWords(0x4010_0000 + 16, encodeCommand('SYNC'));
    machine.smmu.writeRegister('GERRORN', machine.smmu.readRegister('GERROR'));
    expect(consumed).toEqual([0x46, 0x46, 0x30]);
    expect(machine.smmu.readRegister('CMDQ_CONS') & 0xfffffn).toBe(3n);
  });

  it('is raised again at once when the command is still bad', () => {
    const errors: string[] = [];
    const machine = new Machine(NESTED_IDR, {
      observer: { commandError: (_words, e) => errors.push(e) },
    });
    machine.submit(rawCommand(0));
    machine.smmu.writeRegister('GERRORN', machine.smmu.readRegister('GERROR'));
    expect(errors).toEqual(['CERROR_ILL', 'CERROR_ILL']);
    expect(machine.smmu.readRegister('GERROR')).toBe(0n);
    expect(machine.smmu.readRegister('GERRORN')).toBe(1n);
  });

  it('lets software take the commands back that were not consumed', () => {
    const consumed: number[] = [];
    const machine = new Machine(NESTED_IDR, {
      observer: { commandConsumed: (words) => consumed.push(Number(words[0] & 0xffn)) },
    });
    machine.command('SYNC');
    machine.submit(rawCommand(0));
    machine.command('TLBI_NSNH_ALL');
    machine.smmu.writeRegister('CMDQ_PROD', 1n);
    machine.smmu.writeRegister('GERRORN', machine.smmu.readRegister('GERROR'));
    expect(consumed).toEqual([0x46]);
    expect(error(machine)).toBeUndefined();
    expect(machine.smmu.readRegister('CMDQ_CONS') & 0xfffffn).toBe(1n);
  });

  it('holds back commands that are submitted while it is active', () => {
    const machine = new Machine();
    machine.submit(rawCommand(0));
    machine.command('SYNC');
    expect(machine.smmu.readRegister('CMDQ_CONS') & 0xfffffn).toBe(0n);
    // Disabling and enabling the queue does not acknowledge it.
    machine.smmu.writeRegister('CR0', 5n);
    machine.smmu.writeRegister('CR0', 0xdn);
    expect(machine.smmu.readRegister('CMDQ_CONS') & 0xfffffn).toBe(0n);
    expect(error(machine)).toBe(CERROR_ILL);
  });

  it('is CERROR_ABT when nothing answers at the queue', () => {
    const machine = new Machine();
    machine.smmu.writeRegister('CR0', 5n);
    machine.smmu.writeRegister('CMDQ_BASE', 0x1000n | 4n);
    machine.smmu.writeRegister('CR0', 0xdn);
    machine.smmu.writeRegister('CMDQ_PROD', 1n);
    expect(error(machine)).toBe(2n);
    expect(machine.smmu.readRegister('CMDQ_CONS') & 0xfffffn).toBe(0n);
  });
});

describe('the command queue', () => {
  it('runs when it is enabled with commands pending', () => {
    const machine = new Machine();
    machine.smmu.writeRegister('CR0', 5n);
    machine.command('SYNC');
    expect(machine.smmu.readRegister('CMDQ_CONS')).toBe(0n);
    machine.smmu.writeRegister('CR0', 0xdn);
    expect(machine.smmu.readRegister('CMDQ_CONS')).toBe(1n);
  });

  it('wraps', () => {
    const machine = new Machine();
    for (let n = 0; n < 600; n++) machine.command('SYNC');
    expect(machine.smmu.readRegister('CMDQ_CONS')).toBe(600n % 512n);
    expect(error(machine)).toBeUndefined();
  });

  it('signals CMD_SYNC by a 32-bit write where MSIs are implemented', () => {
    const machine = new Machine([NESTED_IDR[0] | (1 << 13), NESTED_IDR[1], 0, 0x1414, 0, 0x74]);
    machine.memory.write64(0x4100_0000, 0x1111_1111_2222_2222n);
    machine.command('SYNC', { CS: 1n, MSIAddress: 0x4100_0004n, MSIData: 7n });
    expect(machine.memory.read64(0x4100_0000)).toBe(0x7_2222_2222n);
    machine.command('SYNC', { CS: 1n, MSIAddress: 0x1000n, MSIData: 7n });
    expect(machine.smmu.readRegister('GERROR')).toBe(1n << 4n);
  });

  it('signals nothing without an address, or without the interrupt signal asked for', () => {
    const machine = new Machine([NESTED_IDR[0] | (1 << 13), NESTED_IDR[1], 0, 0x1414, 0, 0x74]);
    machine.command('SYNC', { CS: 1n, MSIAddress: 0n, MSIData: 7n });
    machine.command('SYNC', { CS: 0n, MSIAddress: 0x4100_0004n, MSIData: 7n });
    expect(machine.smmu.readRegister('GERROR')).toBe(0n);
    expect(machine.memory.read64(0x4100_0000)).toBe(0n);
  });
});

describe('CMD_CFGI_STE_RANGE', () => {
  it('names the aligned range of StreamIDs', () => {
    const machine = new Machine();
    for (let streamId = 0; streamId < 16; streamId++) {
      machine.writeSte(streamId, { Config: 0n });
      machine.read(streamId, 0);
    }
    machine.command('CFGI_STE_RANGE', { StreamID: 6n, Range: 1n });
    expect(machine.smmu.cachedEntries().configuration).toBe(12);
    // A range larger than what is cached: still only its own streams.
    machine.command('CFGI_STE_RANGE', { StreamID: 0x1000n, Range: 9n });
    expect(machine.smmu.cachedEntries().configuration).toBe(12);
    machine.command('CFGI_STE_RANGE', { StreamID: 0n, Range: 9n });
    expect(machine.smmu.cachedEntries().configuration).toBe(0);
  });
});
