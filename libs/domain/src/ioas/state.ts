import { invariant, unreachable } from '../decision';
import { addressOf } from '../hex';
import { contains, overlaps } from '../host/state';
import type { Range } from '../host/state';
import type { IoasEvent } from './events';

/** MSI_IOVA_BASE and MSI_IOVA_LENGTH of the driver's IOMMU_RESV_SW_MSI region (arm-smmu-v3.c). */
export const SOFTWARE_MSI_WINDOW: Range = { base: 0x8000000, size: 0x100000 };

export interface Mapping extends Range {
  readonly pa: number;
  readonly read: boolean;
  readonly write: boolean;
}

export interface IoasState {
  readonly vm: string;
  /** Areas by IOVA, none overlapping, each as it was mapped. */
  readonly areas: readonly Mapping[];
  /** Whether a device's software-MSI window is reserved in it. */
  readonly reserved: boolean;
}

export function evolve(state: IoasState | undefined, event: IoasEvent): IoasState {
  if (event.type === 'IoasCreated') {
    invariant(state === undefined, `IoasCreated twice for ${event.ioas}`);
    return { vm: event.vm, areas: [], reserved: false };
  }
  invariant(state !== undefined, `${event.type} before IoasCreated`);
  switch (event.type) {
    case 'IoasMapped': {
      const { read, write } = event;
      const [base, size, pa] = [event.iova, event.length, event.pa].map(addressOf) as [
        number,
        number,
        number,
      ];
      const area = { base, size, pa, read, write };
      invariant(!state.areas.some((a) => overlaps(a, area)), `${event.iova} mapped twice`);
      return { ...state, areas: [...state.areas, area].sort((a, b) => a.base - b.base) };
    }
    case 'IoasUnmapped': {
      const range = { base: addressOf(event.iova), size: addressOf(event.length) };
      return { ...state, areas: state.areas.filter((a) => !contains(range, a)) };
    }
    case 'IoasWindowReserved':
      return { ...state, reserved: true };
    default:
      return unreachable(event);
  }
}

export function mappedInSoftwareMsiWindow(state: IoasState): boolean {
  return state.areas.some((a) => overlaps(a, SOFTWARE_MSI_WINDOW));
}
