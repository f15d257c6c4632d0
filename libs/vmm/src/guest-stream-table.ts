import { L1STD } from '@steward/smmu';
import type { VsmmuView } from './view';

const STE_BYTES = 64;
const TWO_LEVEL = 1n;
/** STRTAB_BASE.ADDR (IHI 0070 §6.3.24). */
const BASE_MASK = 0x000f_ffff_ffff_ffc0n;

/**
 * Words 0 and 1 of a guest's vSTE, read from its stream table in guest RAM as hardware would locate it
 * (IHI 0070 §3.3). Undefined when the table does not hold the StreamID or lies outside RAM.
 */
export function readVste(view: VsmmuView, vsid: number): readonly [bigint, bigint] | undefined {
  const at = vsteAddress(view, vsid);
  if (at === undefined) return undefined;
  const [low, high] = [view.readGuest(at), view.readGuest(at + 8)];
  return low === undefined || high === undefined ? undefined : [low, high];
}

/** IPA of a vSTE in the guest's stream table; undefined when the table does not hold the StreamID. */
export function vsteAddress(
  view: Pick<VsmmuView, 'register' | 'readGuest'>,
  vsid: number,
): number | undefined {
  const config = view.register('STRTAB_BASE_CFG');
  const base = Number(view.register('STRTAB_BASE') & BASE_MASK);
  const log2size = Number(config & 0x3fn);
  if (vsid >= 2 ** log2size) return undefined;
  if (((config >> 16n) & 3n) !== TWO_LEVEL) return base + vsid * STE_BYTES;
  const split = Number((config >> 6n) & 0x1fn);
  const descriptor = view.readGuest(base + Math.floor(vsid / 2 ** split) * 8);
  if (descriptor === undefined) return undefined;
  const span = Number(L1STD.get([descriptor], 'Span'));
  const index = vsid % 2 ** split;
  // Span 0 and 12–31 are invalid, as is one beyond SPLIT + 1; 2^(Span-1) STEs otherwise (IHI 0070 §5.1).
  if (span === 0 || span > split + 1 || index >= 2 ** (span - 1)) return undefined;
  const table = Number(L1STD.get([descriptor], 'L2Ptr'));
  return table - (table % (STE_BYTES * 2 ** (span - 1))) + index * STE_BYTES;
}
