import { COMMANDS, PhysicalMemory, STE, commandName, type CommandWords } from '@steward/smmu';
import { composeCd } from './cd-composition';
import { HostDriver } from './driver';
import type { PageFault } from './observer';

const KERNEL = { base: 0x1_0000_0000, size: 0x400_0000 };
const GUEST = { base: 0x2_0000_0000, size: 0x10_0000 };
/** IDR0 of an SMMU with ATS whose faults may stall (STALL_MODEL=0). */
const MAY_STALL = 0x0c44141b;
const NOWHERE = 0x8000_0000n;
const MAPPED = { iova: 0x4000_0000, length: 0x1000, pa: GUEST.base };

/** A device that can stall, two stage-1 domains, and a nest parent with one page. */
class Faulting {
  readonly memory = new PhysicalMemory([KERNEL, GUEST]);
  readonly faults: PageFault[] = [];
  readonly driver: HostDriver;
  private issued: string[] = [];

  constructor({ ats = false }: { readonly ats?: boolean } = {}) {
    this.driver = new HostDriver({
      memory: this.memory,
      kernelRegion: KERNEL,
      policy: 'mainline',
      observer: {
        command: ({ words }) => this.issued.push(text(words)),
        pageFault: ({ record: _, ...fault }) => this.faults.push(fault),
      },
    });
    const idr = [MAY_STALL, 0x02730010, 0, 0x1414, 0, 0x74] as const;
    this.driver.addSmmu({ id: 'smmu', idr, iidr: 0, aidr: 1, features: { ssidBits: 8 } });
    const device = { id: 'd', smmu: 'smmu', streamIds: [8], canwbs: true, ats, pasidBits: 4 };
    this.driver.addDevice({ ...device, stalls: true });
    for (const [i, id] of ['a', 'b'].entries()) {
      this.driver.allocateStage1({ id, smmu: 'smmu', asid: 1 + i });
    }
    this.driver.allocateParent({ id: 'p', smmu: 'smmu', vmid: 1 });
    this.driver.map('p', { ...MAPPED, read: true, write: true, mmio: false });
    this.take();
  }

  access(address: bigint, pasid?: number): string {
    const substream = pasid === undefined ? {} : { substreamId: pasid };
    return this.driver.access('d', 0, { address, write: true, ...substream }).kind;
  }

  /** A nested attach whose guest's CDs let transactions stall. */
  nest(faultQueue?: string): void {
    const cd = composeCd({ asid: 1, ttb: MAPPED.iova + 0x800, ips: 4, stalls: true });
    for (const at of [0, 64]) {
      cd.forEach((word, i) => this.memory.write64(MAPPED.pa + at + 8 * i, word));
    }
    // S1CDMax=1, S1DSS=2: two CDs, traffic without a PASID by CD 0.
    const vste = [BigInt(MAPPED.iova) | 0xbn | (1n << 59n), 0xd6n | 2n] as const;
    const queue = faultQueue === undefined ? {} : { faultQueue };
    this.driver.attach('d', { kind: 'nested', parent: 'p', vste, vsid: 1, ...queue });
  }

  take(): string {
    const issued = this.issued.filter((line) => !/PREFETCH|SYNC|CFGI/.test(line)).join(' ');
    this.issued = [];
    return issued;
  }
}

function text(words: CommandWords): string {
  const name = commandName(words)!;
  if (name !== 'RESUME') return name;
  const { layout } = COMMANDS.RESUME;
  const how = layout.get(words, 'Ac') === 1n ? 'retry' : 'abort';
  return `RESUME(${layout.get(words, 'STAG')} ${how})`;
}

describe('a device that can stall', () => {
  it('is allowed to in its STE and CD, whatever its domain', () => {
    const { driver } = new Faulting();
    const ste = (field: keyof typeof STE.fields) => STE.get(driver.physicalSte('d'), field);
    driver.attach('d', { kind: 'stage1', domain: 'a' });
    expect(ste('S1STALLD')).toBe(0n);
    driver.attach('d', { kind: 'parent', parent: 'p' });
    expect(ste('S2S')).toBe(1n);
  });

  it('has its faults aborted where no domain has a fault queue', () => {
    const host = new Faulting();
    host.driver.attach('d', { kind: 'stage1', domain: 'a' });
    expect(host.access(NOWHERE)).toBe('abort');
    expect(host.take()).toBe('RESUME(0 abort)');
    expect(host.faults).toEqual([]);
  });

  it('waits for the answer of whoever reads its domain’s queue', () => {
    const host = new Faulting();
    host.driver.attach('d', { kind: 'stage1', domain: 'a', faultQueue: 'q' });
    expect(host.access(NOWHERE)).toBe('stalled');
    const fault = { device: 'd', faultQueue: 'q', attachment: 0, group: 0, permissions: 2 };
    expect(host.faults).toEqual([{ ...fault, address: NOWHERE }]);
    const page = { iova: Number(NOWHERE), length: 0x1000, pa: GUEST.base };
    host.driver.map('a', { ...page, read: true, write: true, mmio: false });
    host.take();
    host.driver.answerPageFault('d', 0, 'retry');
    expect(host.take()).toBe('RESUME(0 retry)');
    expect(host.driver.hardware('smmu').stalledTransactions()).toEqual([]);
    host.driver.answerPageFault('d', 0, 'retry');
    expect(host.take()).toBe('');
  });

  it('faults once more when it is retried in vain', () => {
    const host = new Faulting();
    host.driver.attach('d', { kind: 'stage1', domain: 'a', faultQueue: 'q' });
    host.access(NOWHERE);
    host.driver.answerPageFault('d', 0, 'retry');
    expect(host.faults).toHaveLength(2);
    host.driver.answerPageFault('d', host.faults[1]!.group, 'abort');
    expect(host.driver.hardware('smmu').stalledTransactions()).toEqual([]);
  });
});

describe('faults that wait when their attachment goes', () => {
  it('are aborted behind the ATC and before the ASID is flushed, as the device leaves page fault handling', () => {
    const host = new Faulting({ ats: true });
    host.driver.attach('d', { kind: 'stage1', domain: 'a', faultQueue: 'q' });
    host.access(NOWHERE);
    host.take();
    host.driver.attach('d', { kind: 'stage1', domain: 'b' });
    expect(host.take()).toBe('ATC_INV RESUME(0 abort) TLBI_NH_ASID');
  });

  it('are aborted behind all else where the next domain has a queue too', () => {
    const host = new Faulting();
    host.driver.attach('d', { kind: 'stage1', domain: 'a', faultQueue: 'q' });
    host.access(NOWHERE);
    host.take();
    host.driver.attach('d', { kind: 'stage1', domain: 'b', faultQueue: 'q' });
    expect(host.take()).toBe('TLBI_NH_ASID RESUME(0 abort)');
  });

  it('are those of the PASID that goes, while another attachment has a queue', () => {
    const host = new Faulting();
    host.driver.attach('d', { kind: 'stage1', domain: 'a', faultQueue: 'q' });
    host.driver.attachPasid('d', 3, 'b', 'r');
    expect([host.access(NOWHERE), host.access(NOWHERE, 3)]).toEqual(['stalled', 'stalled']);
    expect(host.faults.map((f) => [f.faultQueue, f.attachment, f.pasid])).toEqual([
      ['q', 0, undefined],
      ['r', 3, 3],
    ]);
    host.take();
    host.driver.detachPasid('d', 3);
    expect(host.take()).toBe('TLBI_NH_ASID RESUME(1 abort)');
    host.driver.attach('d', { kind: 'blocked' });
    expect(host.take()).toBe('RESUME(0 abort) TLBI_NH_ASID');
  });
});

describe('faults under a nested domain', () => {
  it('go to its queue, those of the guest’s own PASIDs too', () => {
    const host = new Faulting();
    host.nest('q');
    expect([host.access(NOWHERE), host.access(NOWHERE, 1)]).toEqual(['stalled', 'stalled']);
    expect(host.faults.map((f) => [f.attachment, f.pasid])).toEqual([
      [0, undefined],
      [0, 1],
    ]);
  });

  it('are aborted where it has none', () => {
    const host = new Faulting();
    host.nest();
    expect([host.access(NOWHERE), host.access(NOWHERE, 1)]).toEqual(['abort', 'abort']);
    expect(host.take()).toBe('RESUME(0 abort) RESUME(0 abort)');
  });
});
