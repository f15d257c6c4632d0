import { PhysicalMemory, REGISTERS, Smmu, type RegisterName } from '@steward/smmu';
import { HostDriver } from './driver';
import { KERNEL_REGION } from './__fixtures__/host';
import { bringUp, recordedSmmu } from './__fixtures__/recorded';

/** Where a machine places its queues and tables, and how large it makes the queues. */
const PLACES: readonly RegisterName[] = ['STRTAB_BASE', 'CMDQ_BASE', 'EVENTQ_BASE'];
/** EVENTQ registers of page 1 are recorded at their place in page 0. */
const PAGE_1 = 0x1_0000;

function nameOf(offset: number): RegisterName {
  const names = Object.keys(REGISTERS) as RegisterName[];
  return names.find((name) => REGISTERS[name].offset % PAGE_1 === offset)!;
}

describe('the bring-up of an SMMU', () => {
  afterEach(() => jest.restoreAllMocks());

  it('writes the registers that Linux writes, in its order', () => {
    const written = jest.spyOn(Smmu.prototype, 'writeRegister');
    const observer = {};
    const memory = new PhysicalMemory([KERNEL_REGION]);
    const driver = new HostDriver({
      memory,
      kernelRegion: KERNEL_REGION,
      policy: 'mainline',
      observer,
    });
    driver.addSmmu(recordedSmmu('A'));
    const show = (name: RegisterName, value: bigint) => [name, PLACES.includes(name) ? 0n : value];
    expect(written.mock.calls.map(([name, value]) => show(name, value))).toEqual(
      bringUp.writes.map(([offset, value]) => show(nameOf(Number(offset)), BigInt(value!))),
    );
  });

  it('leaves an SMMU that translates, with nothing cached and no error', () => {
    const consumed: bigint[] = [];
    const memory = new PhysicalMemory([KERNEL_REGION]);
    const driver = new HostDriver({
      memory,
      kernelRegion: KERNEL_REGION,
      policy: 'mainline',
      observer: { command: ({ words }) => consumed.push(words[0] & 0xffn) },
    });
    driver.addSmmu(recordedSmmu('B'));
    const hardware = driver.hardware('smmu0');
    expect(consumed).toEqual([0x04n, 0x46n, 0x30n, 0x46n]);
    // ATSCHK, CMDQEN, EVENTQEN, SMMUEN.
    expect(hardware.readRegister('CR0')).toBe(0x1dn);
    expect(hardware.readRegister('CMDQ_PROD')).toBe(hardware.readRegister('CMDQ_CONS'));
    expect(hardware.readRegister('GERROR')).toBe(hardware.readRegister('GERRORN'));
  });
});
