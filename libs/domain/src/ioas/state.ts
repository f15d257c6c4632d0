import { invariant, unreachable } from '../decision';
import { addressOf, fromHex } from '../hex';
import { contains, overlaps } from '../host/state';
import type { Range } from '../host/state';
import type { IoasEvent } from './events';

/** MSI_IOVA_BASE and MSI_IOVA_LENGTH of the driver's IOMMU_RESV_SW_MSI region (arm-smmu-v3.c). */
export const SOFTWARE_MSI_WINDOW: Range = { base: 0x8000000, size: 0x100000 };

/** IOVAs from the first to the last byte, both included, so that the top of the address space can be named. */
export interface IovaRange {
  readonly first: bigint;
  readonly last: bigint;
}

export interface Mapping extends Range {
  readonly pa: number;
  readonly read: boolean;
  readonly write: boolean;
  /** The memory behind it can be mapped writable in another IOAS. */
  readonly writable: boolean;
}

export interface IoasState {
  readonly vm: string;
  /** Areas by IOVA, none overlapping, each as it was mapped. */
  readonly areas: readonly Mapping[];
  /** Devices whose software-MSI window is reserved in it. */
  readonly reserved: ReadonlySet<string>;
  /** Page tables that mirror it: stream of the domain → input address size in bits. */
  readonly tables: ReadonlyMap<string, number>;
  /** Ranges that IOVAs are chosen in, ascending, none overlapping; none: everywhere. */
  readonly allowed: readonly IovaRange[];
  /** Tables may hold blocks larger than a page. */
  readonly hugePages: boolean;
  readonly freed: boolean;
}

export function evolve(state: IoasState | undefined, event: IoasEvent): IoasState {
  if (event.type === 'IoasCreated') {
    invariant(state === undefined, `IoasCreated twice for ${event.ioas}`);
    const nothing = { areas: [], reserved: new Set<string>(), tables: new Map<string, number>() };
    return { vm: event.vm, ...nothing, allowed: [], hugePages: true, freed: false };
  }
  invariant(state !== undefined && !state.freed, `${event.type} on an IOAS that is not live`);
  switch (event.type) {
    case 'IoasMapped': {
      const { read, write, writable = write } = event;
      const [base, size, pa] = [event.iova, event.length, event.pa].map(addressOf) as [
        number,
        number,
        number,
      ];
      const area = { base, size, pa, read, write, writable };
      invariant(!state.areas.some((a) => overlaps(a, area)), `${event.iova} mapped twice`);
      return { ...state, areas: [...state.areas, area].sort((a, b) => a.base - b.base) };
    }
    case 'IoasUnmapped': {
      const range = { base: addressOf(event.iova), size: addressOf(event.length) };
      return { ...state, areas: state.areas.filter((a) => !contains(range, a)) };
    }
    case 'IoasIovasAllowed': {
      const allowed = event.ranges.map(({ first, last }) => {
        return { first: fromHex(first), last: fromHex(last) };
      });
      return { ...state, allowed: allowed.sort((a, b) => (a.first < b.first ? -1 : 1)) };
    }
    case 'IoasHugePagesSet':
      return { ...state, hugePages: event.enabled };
    case 'IoasWindowReserved':
      return { ...state, reserved: new Set(state.reserved).add(event.device) };
    case 'IoasWindowReleased': {
      const reserved = new Set(state.reserved);
      reserved.delete(event.device);
      return { ...state, reserved };
    }
    case 'IoasTableAdded':
      return { ...state, tables: new Map(state.tables).set(event.table, event.inputSize) };
    case 'IoasTableRemoved': {
      const tables = new Map(state.tables);
      invariant(tables.delete(event.table), `${event.table} does not mirror the IOAS`);
      return { ...state, tables };
    }
    case 'IoasFreed':
      return { ...state, areas: [], freed: true };
    default:
      return unreachable(event);
  }
}

export function mappedInSoftwareMsiWindow(state: IoasState): boolean {
  return state.areas.some((a) => overlaps(a, SOFTWARE_MSI_WINDOW));
}

/** First address that some table of it cannot map: 2^52 while none is smaller. */
export function apertureEnd(state: IoasState): number {
  return 2 ** Math.min(52, ...state.tables.values());
}

/** Whether it maps something that a table of this input size cannot hold, or has promised that it can be mapped. */
export function mappedBeyond(state: IoasState, inputSize: number): boolean {
  return (
    state.areas.some((area) => area.base + area.size > 2 ** inputSize) ||
    state.allowed.some(({ last }) => last >= 1n << BigInt(inputSize))
  );
}
