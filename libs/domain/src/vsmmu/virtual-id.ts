import { fromHex, toHex } from '../hex';
import type { Hex } from '../hex';

/**
 * virt_id of a vDEVICE, 64 bits: a vSID as a number, and one no StreamID can be – iommufd takes it all the same – in hex.
 */
export type VirtualId = number | Hex;

const STREAM_IDS = 2 ** 32;

/** A 64-bit virt_id in its one spelling. */
export function virtualId(id: bigint): VirtualId {
  return id < STREAM_IDS ? Number(id) : toHex(id);
}

/** Whether it is spelt as `virtualId` spells it. */
export function isVirtualId(id: VirtualId): boolean {
  if (typeof id === 'number') return Number.isInteger(id) && id >= 0 && id < STREAM_IDS;
  return toHex(fromHex(id)) === id && fromHex(id) >= STREAM_IDS;
}

/** The StreamID that an event record shows for it: its low 32 bits (FIELD_PREP(EVTQ_0_SID)). */
export function recordedVsid(id: VirtualId): number {
  return typeof id === 'number' ? id : Number(fromHex(id) % BigInt(STREAM_IDS));
}
