import { HostDriver, type HostObserver } from '@steward/host';
import { IoasMirror } from '@steward/machine';
import { PhysicalMemory } from '@steward/smmu';

/** Memory of the kernel, large enough for the stream tables of 10,000 devices, and one page for a guest. */
const KERNEL = { base: 0x1_0000_0000, size: 0x1000_0000 };
const GUEST = { base: 0x2_0000_0000, size: 0x1000 };
/** Both stages, ATS, range invalidation, 16 bits of StreamID. */
const IDR = [0x0d44141b, 0x02730010, 0, 0x1414, 0, 0x74] as const;
const PAGE = { iova: 0x4000_0000, length: 0x1000 };

/** Who shares the IOAS whose page is unmapped. */
export interface Sharing {
  /** On each SMMU, behind the nest parent that mirrors the IOAS there. */
  readonly devices: number;
  /** SMMUs, each with a nest parent of its own over the one IOAS; 1 if absent. */
  readonly smmus?: number;
  readonly ats: boolean;
  /** `parent`: directly; `nested`: each under a nested domain with a vSTE of its own. */
  readonly attached: 'parent' | 'nested';
}

/** One IOAS, the nest parents that mirror it and the devices attached to them, ready to unmap its one page again and again. */
export class FanoutHost {
  private readonly driver: HostDriver;
  private readonly ioas: IoasMirror;

  constructor(sharing: Sharing, observer: HostObserver = {}) {
    const memory = new PhysicalMemory([KERNEL, GUEST]);
    this.driver = new HostDriver({ memory, kernelRegion: KERNEL, policy: 'mainline', observer });
    this.ioas = new IoasMirror(this.driver);
    for (let n = 0; n < (sharing.smmus ?? 1); n++) {
      const [smmu, parent] = [`smmu${n}`, `s2-${n}`];
      this.driver.addSmmu({ id: smmu, idr: IDR, iidr: 0, aidr: 1 });
      this.driver.allocateParent({ id: parent, smmu, vmid: 1 });
      this.ioas.add(parent);
      for (let i = 0; i < sharing.devices; i++) this.attach(i, { smmu, parent }, sharing);
    }
    this.map();
  }

  map(): void {
    this.ioas.map({ ...PAGE, pa: GUEST.base, read: true, write: true });
  }

  /** What is measured: the descriptor goes from every table, and everyone who may have cached it is told. */
  unmap(): void {
    this.ioas.unmap(PAGE);
  }

  private attach(
    i: number,
    { smmu, parent }: { readonly smmu: string; readonly parent: string },
    { ats, attached }: Sharing,
  ): void {
    const id = `d${i}@${smmu}`;
    this.driver.addDevice({ id, smmu, streamIds: [i], canwbs: true, ats });
    if (attached === 'parent') this.driver.attach(id, { kind: 'parent', parent });
    else {
      const vste = [BigInt(0x8000_0000 + i * 64) | 0xbn, ats ? 0x1000_00d6n : 0xd6n] as const;
      this.driver.attach(id, { kind: 'nested', parent, vste, vsid: i });
    }
  }
}
