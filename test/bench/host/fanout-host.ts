import { HostDriver, type HostObserver, type SmmuDescription } from '@steward/host';
import { PhysicalMemory } from '@steward/smmu';

/** Memory of the kernel, large enough for the stream tables of 10,000 devices, and one page for a guest. */
const KERNEL = { base: 0x1_0000_0000, size: 0x1000_0000 };
const GUEST = { base: 0x2_0000_0000, size: 0x1000 };
/** Both stages, ATS, range invalidation, 16 bits of StreamID. */
const IDR = [0x0d44141b, 0x02730010, 0, 0x1414, 0, 0x74] as const;
const PAGE = 0x1000;
const IOVA = 0x4000_0000;

/** How many devices share the nest parent, and how. */
export interface Sharing {
  readonly devices: number;
  readonly ats: boolean;
  /** `parent`: directly; `nested`: each under a nested domain with a vSTE of its own. */
  readonly attached: 'parent' | 'nested';
}

/** One nest parent and the devices attached to it, ready to unmap its one page again and again. */
export class FanoutHost {
  private readonly driver: HostDriver;

  constructor(sharing: Sharing, observer: HostObserver = {}) {
    const memory = new PhysicalMemory([KERNEL, GUEST]);
    this.driver = new HostDriver({ memory, kernelRegion: KERNEL, policy: 'mainline', observer });
    const smmu: SmmuDescription = { id: 'smmu0', idr: IDR, iidr: 0, aidr: 1 };
    this.driver.addSmmu(smmu);
    this.driver.allocateParent({ id: 's2', smmu: 'smmu0', vmid: 1 });
    for (let i = 0; i < sharing.devices; i++) this.attach(i, sharing);
    this.map();
  }

  map(): void {
    const page = { iova: IOVA, length: PAGE, pa: GUEST.base };
    this.driver.map('s2', { ...page, read: true, write: true, mmio: false });
  }

  /** What is measured: the descriptor goes, and everyone who may have cached it is told. */
  unmap(): void {
    this.driver.unmap('s2', { iova: IOVA, length: PAGE });
  }

  private attach(i: number, { ats, attached }: Sharing): void {
    const id = `d${i}`;
    this.driver.addDevice({ id, smmu: 'smmu0', streamIds: [i], canwbs: true, ats });
    if (attached === 'parent') this.driver.attach(id, { kind: 'parent', parent: 's2' });
    else {
      const vste = [BigInt(0x8000_0000 + i * 64) | 0xbn, ats ? 0x1000_00d6n : 0xd6n] as const;
      this.driver.attach(id, { kind: 'nested', parent: 's2', vste, vsid: i });
    }
  }
}
