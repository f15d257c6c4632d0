import { PAGE_SIZE } from '../page';
import { apertureEnd, SOFTWARE_MSI_WINDOW } from './state';
import type { IoasState, IovaRange } from './state';

const WORD_MAX = (1n << 64n) - 1n;
const PAGE = BigInt(PAGE_SIZE);

/** What nothing can be mapped at: windows of attached devices, and what lies beyond a page table (`reserved_itree`). */
function reservedIovas(state: IoasState): IovaRange[] {
  const reserved: IovaRange[] = [];
  if (state.reserved.size > 0) {
    const { base, size } = SOFTWARE_MSI_WINDOW;
    reserved.push({ first: BigInt(base), last: BigInt(base + size - 1) });
  }
  if (state.tables.size > 0) reserved.push({ first: BigInt(apertureEnd(state)), last: WORD_MAX });
  return reserved;
}

/** What can be mapped, whether it is mapped or not, in ascending order. */
export function usableIovas(state: IoasState): IovaRange[] {
  return holes([{ first: 0n, last: WORD_MAX }], reservedIovas(state));
}

/** What every IOVA and length must be a multiple of: a page once a table or the IOAS itself knows no larger pages. */
export function iovaAlignment({ tables, hugePages }: IoasState): number {
  return tables.size > 0 || !hugePages ? PAGE_SIZE : 1;
}

/** Whether the kernel has promised the VMM that part of a range stays usable (IOMMU_IOAS_ALLOW_IOVAS). */
export function promised({ allowed }: IoasState, range: IovaRange): boolean {
  return allowed.some((one) => meet(one, range));
}

/** Whether part of a range is reserved. */
export function isReserved(state: IoasState, range: IovaRange): boolean {
  return reservedIovas(state).some((one) => meet(one, range));
}

/**
 * The IOVA that the kernel chooses for a mapping (iopt_alloc_iova): the lowest page that is allowed, not reserved and free with
 * all that follows. Undefined where there is none. A kernel with transparent huge pages would align large ones further.
 */
export function chosenIova(state: IoasState, length: bigint): bigint | undefined {
  const everywhere = [{ first: PAGE, last: WORD_MAX - PAGE }];
  const areas = state.areas.map(({ base, size }) => {
    return { first: BigInt(base), last: BigInt(base + size - 1) };
  });
  const allowed = state.allowed.length > 0 ? state.allowed : everywhere;
  for (const { first, last } of holes(allowed, [...areas, ...reservedIovas(state)])) {
    const start = ((first + PAGE - 1n) / PAGE) * PAGE;
    if (start < last && last - start >= length - 1n) return start;
  }
  return undefined;
}

/** What is left of ranges without others; all that is left is in ascending order if the ranges are. */
function holes(ranges: readonly IovaRange[], taken: readonly IovaRange[]): IovaRange[] {
  const sorted = [...taken].sort((a, b) => (a.first < b.first ? -1 : 1));
  return ranges.flatMap(({ first, last }) => {
    const left: IovaRange[] = [];
    let from = first;
    for (const one of sorted) {
      if (one.last < from) continue;
      if (one.first > last) break;
      if (one.first > from) left.push({ first: from, last: one.first - 1n });
      from = one.last + 1n;
    }
    if (from <= last) left.push({ first: from, last });
    return left;
  });
}

export function meet(a: IovaRange, b: IovaRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}
