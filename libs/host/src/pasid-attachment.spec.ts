import {
  CD,
  COMMANDS,
  PhysicalMemory,
  STE,
  commandName,
  type CommandWords,
  type Outcome,
} from '@steward/smmu';
import { HostDriver } from './driver';

const KERNEL = { base: 0x1_0000_0000, size: 0x1000_0000 };
const GUEST = { base: 0x2_0000_0000, size: 0x10_0000 };
/** Both stages, ATS, range invalidation; CD2L is bit 19 of IDR0. */
const IDR0 = 0x0d44141b;
const CD2L = 0x8_0000;
const PAGE = { iova: 0x4000_0000, length: 0x1000 };

interface Setting {
  readonly ats?: boolean;
  readonly pasidBits?: number;
  readonly twoLevel?: boolean;
}

/** A device with PASIDs, blocked, two stage-1 domains with a page each and a nest parent. */
class PasidHost {
  readonly memory = new PhysicalMemory([KERNEL, GUEST]);
  readonly driver: HostDriver;
  private issued: string[] = [];

  constructor({ ats = false, pasidBits = 8, twoLevel = false }: Setting = {}) {
    this.driver = new HostDriver({
      memory: this.memory,
      kernelRegion: KERNEL,
      policy: 'mainline',
      observer: { command: ({ words }) => this.issued.push(text(words)) },
    });
    const idr = [IDR0 | (twoLevel ? CD2L : 0), 0x02730010, 0, 0x1414, 0, 0x74] as const;
    const features = { ssidBits: 20 };
    this.driver.addSmmu({ id: 'smmu', idr, iidr: 0, aidr: 1, features });
    this.driver.addDevice({ id: 'd', smmu: 'smmu', streamIds: [8], canwbs: true, ats, pasidBits });
    for (const [i, id] of ['a', 'b'].entries()) {
      this.driver.allocateStage1({ id, smmu: 'smmu', asid: 1 + i });
      const pa = GUEST.base + i * 0x1000;
      this.driver.map(id, { ...PAGE, pa, read: true, write: true, mmio: false });
    }
    this.driver.allocateParent({ id: 'p', smmu: 'smmu', vmid: 1 });
    this.take();
  }

  /** Commands since the last look, hints left out. */
  take(): string {
    const issued = this.issued.filter((line) => line !== 'PREFETCH_CONFIG').join(' ');
    this.issued = [];
    return issued;
  }

  /** Where a read of the one page ends. */
  read(pasid?: number): string {
    const substream = pasid === undefined ? {} : { substreamId: pasid };
    const access = { address: BigInt(PAGE.iova), write: false, ...substream };
    return outcome(this.driver.access('d', 0, access));
  }

  ste(field: keyof typeof STE.fields): bigint {
    return STE.get(this.driver.physicalSte('d'), field);
  }

  /** V of the CD of a PASID in a linear table. */
  cdValid(pasid: number): bigint {
    return CD.get([this.memory.read64(Number(this.ste('S1ContextPtr')) + 64 * pasid)], 'V');
  }
}

function text(words: CommandWords): string {
  const name = commandName(words)!;
  if (name !== 'ATC_INV') return name;
  const { layout } = COMMANDS.ATC_INV;
  if (layout.get(words, 'SSV') === 0n) return name;
  return `ATC_INV(${layout.get(words, 'SubstreamID')})`;
}

function outcome(of: Outcome): string {
  return of.kind === 'ok' ? `0x${of.pa.toString(16)}` : of.kind;
}

describe('a PASID of a blocked device', () => {
  it('is attached by its CD, then by an STE that aborts all traffic without a PASID', () => {
    const host = new PasidHost();
    host.driver.attachPasid('d', 5, 'a');
    expect(host.take()).toBe('CFGI_CD SYNC CFGI_CD SYNC CFGI_STE SYNC CFGI_STE SYNC');
    expect([host.ste('Config'), host.ste('S1DSS'), host.ste('S1CDMax')]).toEqual([5n, 0n, 8n]);
    expect([host.read(5), host.read(), host.read(6)]).toEqual(['0x200000000', 'abort', 'abort']);
  });

  it('finds the STE ready when it is not the first, and leaves the others alone when it goes', () => {
    const host = new PasidHost();
    host.driver.attachPasid('d', 5, 'a');
    host.take();
    host.driver.attachPasid('d', 6, 'b');
    expect(host.take()).toBe('CFGI_CD SYNC CFGI_CD SYNC');
    host.driver.detachPasid('d', 5);
    expect(host.take()).toBe('CFGI_CD SYNC CFGI_CD SYNC TLBI_NH_ASID SYNC');
    expect([host.read(5), host.read(6)]).toEqual(['abort', '0x200001000']);
  });

  it('gives the abort STE back with the last one', () => {
    const host = new PasidHost();
    host.driver.attachPasid('d', 5, 'a');
    host.take();
    host.driver.detachPasid('d', 5);
    const ste = 'CFGI_STE SYNC CFGI_STE SYNC';
    expect(host.take()).toBe(`CFGI_CD SYNC CFGI_CD SYNC TLBI_NH_ASID SYNC ${ste}`);
    expect([host.ste('Config'), host.read(5)]).toEqual([0n, 'abort']);
  });

  it('is replaced by its CD, and the domain it leaves forgets it', () => {
    const host = new PasidHost();
    host.driver.attachPasid('d', 5, 'a');
    expect(host.read(5)).toBe('0x200000000');
    host.take();
    host.driver.attachPasid('d', 5, 'b');
    expect(host.take()).toBe('CFGI_CD SYNC CFGI_CD SYNC CFGI_CD SYNC TLBI_NH_ASID SYNC');
    expect(host.read(5)).toBe('0x200001000');
    expect(host.driver.invalidationTargets('a')).toEqual([]);
  });

  it('is told of changes of its domain, under its own PASID where it has ATS', () => {
    const host = new PasidHost({ ats: true });
    host.driver.attachPasid('d', 5, 'a');
    expect(host.ste('EATS')).toBe(1n);
    host.take();
    host.driver.unmap('a', PAGE);
    expect(host.take()).toMatch(/^(TLBI_NH_VA SYNC ATC_INV\(5\) SYNC ?)+$/);
    expect(host.read(5)).toBe('abort');
  });

  it('empties the whole ATC when it turns ATS on, later what is under its PASID alone', () => {
    const host = new PasidHost({ ats: true });
    host.driver.attachPasid('d', 5, 'a');
    expect(host.take()).toMatch(/ATC_INV SYNC$/);
    host.driver.attachPasid('d', 6, 'a');
    expect(host.take()).toMatch(/ATC_INV\(6\) SYNC$/);
    host.driver.detachPasid('d', 6);
    expect(host.take()).toMatch(/CFGI_CD SYNC ATC_INV\(6\) SYNC$/);
    host.driver.detachPasid('d', 5);
    expect(host.take()).toMatch(
      /ATC_INV\(5\) SYNC TLBI_NH_ASID SYNC .*CFGI_STE SYNC ATC_INV SYNC$/,
    );
    expect(host.ste('EATS')).toBe(0n);
  });
});

describe('PASIDs of a device', () => {
  it('live beside a stage-1 domain that traffic without a PASID is on', () => {
    const host = new PasidHost();
    host.driver.attach('d', { kind: 'stage1', domain: 'a' });
    host.driver.attachPasid('d', 5, 'b');
    expect(host.ste('S1DSS')).toBe(2n);
    expect([host.read(), host.read(5)]).toEqual(['0x200000000', '0x200001000']);
    host.driver.detachPasid('d', 5);
    expect([host.read(), host.read(5)]).toEqual(['0x200000000', 'abort']);
  });

  it('stay when the device is detached, and keep ATS on', () => {
    const host = new PasidHost({ ats: true });
    host.driver.attach('d', { kind: 'stage1', domain: 'a' });
    host.driver.attachPasid('d', 5, 'b');
    host.driver.attach('d', { kind: 'blocked' });
    expect([host.ste('Config'), host.ste('S1DSS'), host.ste('EATS')]).toEqual([5n, 0n, 1n]);
    expect([host.cdValid(0), host.cdValid(5)]).toEqual([0n, 1n]);
    expect([host.read(), host.read(5)]).toEqual(['abort', '0x200001000']);
    host.driver.attach('d', { kind: 'stage1', domain: 'a' });
    expect([host.read(), host.read(5)]).toEqual(['0x200000000', '0x200001000']);
  });

  it('are put back behind the device by a reset', () => {
    const host = new PasidHost();
    const stage1 = { kind: 'stage1', domain: 'a' } as const;
    host.driver.attach('d', stage1);
    host.driver.attachPasid('d', 6, 'b');
    host.driver.attachPasid('d', 5, 'a');
    const before = host.driver.physicalSte('d');
    host.driver.reset('d', stage1);
    expect(host.driver.physicalSte('d')).toEqual(before);
    const reads = [host.read(), host.read(5), host.read(6)];
    expect(reads).toEqual(['0x200000000', '0x200000000', '0x200001000']);
  });

  it('cannot be beside an STE without the kernel’s CD table, in either order', () => {
    const host = new PasidHost();
    const nested = { kind: 'nested', parent: 'p', vste: [0x9n, 0n] } as const;
    for (const stage2 of [nested, { kind: 'parent', parent: 'p' } as const]) {
      host.driver.attach('d', stage2);
      expect(() => host.driver.attachPasid('d', 5, 'a')).toThrow(/without a CD table/);
      host.driver.attach('d', { kind: 'blocked' });
      host.driver.attachPasid('d', 5, 'a');
      expect(() => host.driver.attach('d', stage2)).toThrow(/PASIDs/);
      host.driver.detachPasid('d', 5);
    }
  });

  it('that the device cannot send are not heard of by its driver', () => {
    const host = new PasidHost({ pasidBits: 0 });
    host.driver.attachPasid('d', 5, 'a');
    host.driver.attach('d', { kind: 'parent', parent: 'p' });
    host.driver.detachPasid('d', 5);
    expect(host.take()).toBe('CFGI_STE SYNC CFGI_STE SYNC');
  });
});

describe('the CD table of a device with more PASIDs than a leaf has room for', () => {
  it('gets a leaf where a PASID needs one, which the SMMU may have cached as absent', () => {
    const host = new PasidHost({ pasidBits: 16, twoLevel: true });
    host.driver.attachPasid('d', 5, 'a');
    host.take();
    expect([host.ste('S1Fmt'), host.ste('S1CDMax')]).toEqual([2n, 16n]);
    expect(host.read(5000)).toBe('abort');
    host.driver.attachPasid('d', 5000, 'b');
    expect(host.take()).toBe('CFGI_CD SYNC CFGI_CD SYNC CFGI_CD SYNC');
    expect([host.read(5), host.read(5000)]).toEqual(['0x200000000', '0x200001000']);
    host.driver.attachPasid('d', 5001, 'b');
    expect(host.take()).toBe('CFGI_CD SYNC CFGI_CD SYNC');
  });

  it('is linear and ends at 1024 where the SMMU has no tables of two levels', () => {
    const host = new PasidHost({ pasidBits: 16 });
    host.driver.attachPasid('d', 1023, 'a');
    expect([host.ste('S1Fmt'), host.ste('S1CDMax')]).toEqual([0n, 10n]);
    expect(host.read(1023)).toBe('0x200000000');
  });
});
