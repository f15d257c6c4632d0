import type { GuestTarget } from './coherence/guest-requests';
import { found } from './event-arguments';
import type { GuestQueues } from './guest-queues';

/** A nest parent: whose it is, and what its guest's commands are tagged with. */
interface Parent {
  readonly vm: string;
  readonly smmu: string;
  readonly vmid: number;
}

interface Vsmmu {
  readonly parent: string;
  readonly queues: GuestQueues;
  /** Devices by vSID. */
  readonly devices: Map<number, string>;
}

/** A device as a guest names it. */
export interface NamedDevice {
  readonly vsmmu: string;
  readonly vsid: number;
  readonly vm: string;
}

/** The vSMMUs of a host's guests: their queues, the nest parents they are on, and how they name devices. */
export class Vsmmus {
  private readonly parents = new Map<string, Parent>();
  private readonly vsmmus = new Map<string, Vsmmu>();
  private readonly streamIds = new Map<string, readonly number[]>();

  addDevice(device: string, streamIds: readonly number[]): void {
    this.streamIds.set(device, streamIds);
  }

  addParent(id: string, parent: Parent): void {
    this.parents.set(id, parent);
  }

  add(vsmmu: string, parent: string, queues: GuestQueues): void {
    this.vsmmus.set(vsmmu, { parent, queues, devices: new Map() });
  }

  free(vsmmu: string): void {
    this.vsmmus.delete(vsmmu);
  }

  /** The guest names a device from here on. A virt_id that no StreamID can be, which is one in hex, names nothing. */
  name(vsmmu: string, vsid: number | string, device: string): void {
    if (typeof vsid === 'number') this.of(vsmmu).devices.set(vsid, device);
  }

  unname(vsmmu: string, vsid: number | string): void {
    if (typeof vsid === 'number') this.of(vsmmu).devices.delete(vsid);
  }

  /** The VM whose a nest parent is. */
  vmOf(parent: string): string {
    return found(this.parents.get(parent), parent).vm;
  }

  parentOf(vsmmu: string): string {
    return this.of(vsmmu).parent;
  }

  queuesOf(vsmmu: string): GuestQueues {
    return this.of(vsmmu).queues;
  }

  /** Undefined while no guest names the device. */
  nameOf(device: string): NamedDevice | undefined {
    for (const [vsmmu, { devices, parent }] of this.vsmmus) {
      for (const [vsid, id] of devices) {
        if (id === device) return { vsmmu, vsid, vm: this.vmOf(parent) };
      }
    }
    return undefined;
  }

  /** The first StreamID of the device that a vSID names. */
  streamIdOf(vsmmu: string, vsid: number): number | undefined {
    return this.streamIds.get(this.of(vsmmu).devices.get(vsid) ?? '')?.[0];
  }

  /** What the commands of a vSMMU's guest are about. */
  targetOf(vsmmu: string): GuestTarget {
    const parent = found(this.parents.get(this.parentOf(vsmmu)), `parent of ${vsmmu}`);
    return { ...parent, streamIdOf: (vsid) => this.streamIdOf(vsmmu, vsid) };
  }

  private of(id: string): Vsmmu {
    return found(this.vsmmus.get(id), id);
  }
}
