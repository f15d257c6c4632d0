import { PhysicalMemory, STE, commandName } from '@steward/smmu';
import { composeCd } from './cd-composition';
import { HostDriver } from './driver';

const KERNEL = { base: 0x1_0000_0000, size: 0x400_0000 };
const GUEST = { base: 0x2_0000_0000, size: 0x10_0000 };
/** IDR0 of an SMMU whose faults may stall (STALL_MODEL=0), and of one whose faults always do (2). */
const MAY_STALL = 0x0c44141b;
const ALWAYS_STALLS = 0x0e44141b;
const NOWHERE = { address: 0x8000_0000n, write: false };

function host(idr0: number) {
  const memory = new PhysicalMemory([KERNEL, GUEST]);
  const issued: string[] = [];
  const driver = new HostDriver({
    memory,
    kernelRegion: KERNEL,
    policy: 'mainline',
    observer: { command: ({ words }) => issued.push(commandName(words)!) },
  });
  const idr = [idr0, 0x02730010, 0, 0x1414, 0, 0x74] as const;
  driver.addSmmu({ id: 'smmu', idr, iidr: 0, aidr: 1 });
  driver.addDevice({ id: 'd', smmu: 'smmu', streamIds: [8, 9], canwbs: true, ats: false });
  driver.allocateParent({ id: 'p', smmu: 'smmu', vmid: 1 });
  driver.allocateStage1({ id: 's1', smmu: 'smmu', asid: 1 });
  const access = (stream = 0): string => {
    issued.length = 0;
    const { kind } = driver.access('d', stream, NOWHERE);
    return [kind, ...issued].join(' ');
  };
  const ste = (field: keyof typeof STE.fields): bigint => STE.get(driver.physicalSte('d'), field);
  return { memory, driver, access, ste };
}

const STAGES = [
  { kind: 'stage1', domain: 's1' },
  { kind: 'parent', parent: 'p' },
] as const;

describe('a fault of a device', () => {
  it.each(STAGES)('under %j aborts by RESUME where every fault stalls', (domain) => {
    const { driver, access } = host(ALWAYS_STALLS);
    driver.attach('d', domain);
    expect(access()).toBe('abort RESUME');
    expect(driver.hardware('smmu').stalledTransactions()).toEqual([]);
  });

  it.each(STAGES)('under %j does not stall where it need not', (domain) => {
    const { driver, access } = host(MAY_STALL);
    driver.attach('d', domain);
    expect(access()).toBe('abort');
  });

  it('cannot stall under the kernel’s own CD, and must where it has to', () => {
    const stalls = [MAY_STALL, ALWAYS_STALLS].map((idr0) => {
      const { driver, ste } = host(idr0);
      driver.attach('d', STAGES[0]);
      const disabled = ste('S1STALLD');
      driver.attach('d', STAGES[1]);
      return [disabled, ste('S2S')];
    });
    expect(stalls).toEqual([
      [1n, 0n],
      [0n, 1n],
    ]);
  });

  it('is answered by the first of the device’s StreamIDs only, as in Linux', () => {
    const { driver, access } = host(ALWAYS_STALLS);
    driver.attach('d', STAGES[0]);
    expect(access(1)).toBe('stalled RESUME');
  });

  it('waits unanswered where its guest makes it stall and the driver does not', () => {
    const { memory, driver, access } = host(MAY_STALL);
    const page = { iova: 0x4000_0000, length: 0x1000, pa: GUEST.base };
    driver.map('p', { ...page, read: true, write: true, mmio: false });
    const cd = composeCd({ asid: 1, ttb: page.iova + 0x800, ips: 4, stalls: true });
    cd.forEach((word, i) => memory.write64(page.pa + 8 * i, word));
    const vste = [BigInt(page.iova) | 0xbn, 0xd6n] as const;
    driver.attach('d', { kind: 'nested', parent: 'p', vste, vsid: 1 });
    expect(access()).toBe('stalled');
  });
});
