import { AF, AP_RW, Machine, NESTED_IDR, PAGE, S1_PAGE } from './__fixtures__/machine';

const WITH_HYP = [NESTED_IDR[0] | (1 << 9), NESTED_IDR[1], 0, 0x1414, 0, 0x74] as const;
const VA = 0x1000;

/** A stage-1 stream whose table maps VA; `descriptor` holds the attributes. */
function stream(
  machine: Machine,
  streamId: number,
  options: { pa: number; asid: bigint; descriptor?: bigint; ste?: Record<string, bigint> },
): number {
  const table = machine.table();
  const entry = machine.map(table, VA, options.pa, options.descriptor ?? S1_PAGE);
  const cd = machine.page();
  machine.writeCd(cd, { TTB0: BigInt(table.root), ASID: options.asid });
  machine.writeSte(streamId, { Config: 5n, S1ContextPtr: BigInt(cd), ...options.ste });
  return entry;
}

describe('global entries', () => {
  it('serve every ASID of their VMID, and outlive an invalidation by ASID', () => {
    const machine = new Machine();
    const global = PAGE | AF | AP_RW;
    stream(machine, 0, { pa: 0x5000_0000, asid: 1n, descriptor: global, ste: { S2VMID: 1n } });
    stream(machine, 1, { pa: 0x5000_1000, asid: 2n, ste: { S2VMID: 1n } });
    stream(machine, 2, { pa: 0x5000_2000, asid: 2n, ste: { S2VMID: 2n } });
    machine.read(0, VA);
    machine.command('TLBI_NH_ASID', { VMID: 1n, ASID: 1n });
    expect(machine.read(1, VA)).toMatchObject({ pa: 0x5000_0000 });
    expect(machine.read(2, VA)).toMatchObject({ pa: 0x5000_2000 });
    machine.command('TLBI_NH_VA', { VMID: 1n, ASID: 7n, Address: BigInt(VA) });
    expect(machine.read(1, VA)).toMatchObject({ pa: 0x5000_1000 });
  });
});

describe('StreamWorlds', () => {
  it('keep their TLB entries apart, and CMD_TLBI_NSNH_ALL leaves those of EL2', () => {
    const machine = new Machine(WITH_HYP);
    stream(machine, 0, { pa: 0x5000_0000, asid: 1n });
    stream(machine, 1, { pa: 0x5000_1000, asid: 1n, ste: { STRW: 2n } });
    expect(machine.read(0, VA)).toMatchObject({ pa: 0x5000_0000 });
    expect(machine.read(1, VA)).toMatchObject({ pa: 0x5000_1000 });
    machine.command('TLBI_NSNH_ALL');
    expect(machine.smmu.cachedEntries().stage1).toBe(1);
    machine.command('TLBI_EL2_ALL');
    expect(machine.smmu.cachedEntries().stage1).toBe(0);
  });

  it('name EL2 entries by address with CR2.E2H=0, whatever the ASID', () => {
    const machine = new Machine(WITH_HYP);
    stream(machine, 1, { pa: 0x5000_1000, asid: 1n, ste: { STRW: 2n } });
    machine.read(1, VA);
    machine.command('TLBI_EL2_VA', { ASID: 9n, Address: BigInt(VA) });
    expect(machine.smmu.cachedEntries().stage1).toBe(0);
  });

  it('have ASIDs in EL2-E2H', () => {
    const machine = new Machine(WITH_HYP);
    machine.smmu.writeRegister('CR0', 0xcn);
    machine.smmu.writeRegister('CR2', 3n);
    machine.smmu.writeRegister('CR0', 0xdn);
    stream(machine, 1, { pa: 0x5000_1000, asid: 1n, ste: { STRW: 2n } });
    machine.read(1, VA);
    machine.command('TLBI_EL2_ASID', { ASID: 2n });
    machine.command('TLBI_EL2_VA', { ASID: 2n, Address: BigInt(VA) });
    expect(machine.smmu.cachedEntries().stage1).toBe(1);
    machine.command('TLBI_EL2_VA', { ASID: 1n, Address: BigInt(VA) });
    expect(machine.smmu.cachedEntries().stage1).toBe(0);
  });
});

describe('a disabled half', () => {
  it('may still answer from the TLB, and faults on a miss', () => {
    const machine = new Machine();
    stream(machine, 0, { pa: 0x5000_0000, asid: 1n });
    machine.read(0, VA);
    const cd = machine.page();
    machine.writeCd(cd, { EPD0: 1n, ASID: 1n });
    machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cd) });
    machine.command('CFGI_STE', { StreamID: 0n, Leaf: 1n });
    expect(machine.read(0, VA)).toMatchObject({ kind: 'ok', pa: 0x5000_0000 });
    expect(machine.read(0, VA + 4096).kind).toBe('abort');
    machine.command('TLBI_NH_ASID', { ASID: 1n });
    expect(machine.read(0, VA).kind).toBe('abort');
  });
});
