import { UnsupportedSmmu } from '@steward/host';
import type { Probe } from '@steward/host';
import { invariant, unreachable } from '../decision';
import type { SmmuEvent } from './events';
import { probed } from './probed';
import type { SmmuIdentity } from './probed';

export interface SmmuState {
  readonly host: string;
  /** IDR0–IDR5, IIDR and AIDR as they read, whatever the driver was forced to believe. */
  readonly identity: SmmuIdentity;
  /** What the driver uses of it. */
  readonly probe: Probe;
  /** StreamID → device. */
  readonly streams: ReadonlyMap<number, string>;
  /** VMID → stage-2 parent. VMID 0 is the driver's own, for CD-table STEs. */
  readonly vmids: ReadonlyMap<number, string>;
}

export function evolve(state: SmmuState | undefined, event: SmmuEvent): SmmuState {
  if (event.type === 'SmmuAdded') {
    invariant(state === undefined, `SmmuAdded twice for ${event.smmu}`);
    const probe = probed(event);
    invariant(!(probe instanceof UnsupportedSmmu), `${event.smmu} fails its probe`);
    return { host: event.host, identity: event, probe, streams: new Map(), vmids: new Map() };
  }
  invariant(state !== undefined, `${event.type} before SmmuAdded`);
  switch (event.type) {
    case 'SmmuFeaturesForced': {
      const identity = { ...state.identity, switches: event.switches };
      const probe = probed(identity);
      invariant(!(probe instanceof UnsupportedSmmu), `${event.smmu} fails its probe`);
      return { ...state, identity, probe };
    }
    case 'SmmuStreamIdsClaimed': {
      const streams = new Map(state.streams);
      for (const sid of event.streamIds) {
        invariant(!streams.has(sid), `StreamID ${sid} claimed twice`);
        streams.set(sid, event.device);
      }
      return { ...state, streams };
    }
    case 'SmmuVmidAllocated':
      invariant(!state.vmids.has(event.vmid), `VMID ${event.vmid} allocated twice`);
      return { ...state, vmids: new Map(state.vmids).set(event.vmid, event.parent) };
    case 'SmmuVmidReleased': {
      const vmids = new Map(state.vmids);
      invariant(vmids.delete(event.vmid), `VMID ${event.vmid} released while free`);
      return { ...state, vmids };
    }
    default:
      return unreachable(event);
  }
}

/** The lowest free VMID ≥ 1 (arm-smmu-v3.c, ida_alloc_range), or undefined when none is left. */
export function freeVmid(state: SmmuState): number | undefined {
  const last = 2 ** state.probe.vmidBits - 1;
  for (let vmid = 1; vmid <= last; vmid++) if (!state.vmids.has(vmid)) return vmid;
  return undefined;
}
