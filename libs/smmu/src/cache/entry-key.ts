import { PAGE_BYTES, PAGE_SIZES_LOG2 } from './page-sizes';
import type { TlbAddress } from './tlb-address';

/**
 * What a place in the TLB's arena holds. Its key is two 32-bit integers: the page number's low bits
 * (`page`), and the page number's other bits with half, size and role (`tag`). So entries of
 * different roles may stand for the same address.
 */
export const ROLE = {
  /** A translation. */
  LEAF: 0,
  /** Holds together the pieces of a stage-1 leaf that stage 2 splinters. */
  LEADER: 1,
  /** A table descriptor: where the walk goes on. */
  TABLE: 2,
  /** A part of the address space, which lists what lies in it. */
  REGION: 3,
} as const;
export type Role = (typeof ROLE)[keyof typeof ROLE];

const SIZE_SHIFT = 2;
const HALF_SHIFT = 6;
const PAGE_SHIFT = 7;
const TWO_32 = 2 ** 32;

/** @param sizeIndex place in PAGE_SIZES_LOG2. */
export function tagOf(at: TlbAddress, sizeIndex: number, role: Role): number {
  const shift = PAGE_SIZES_LOG2[sizeIndex]!;
  const above = shift < 32 ? at.high >> shift : 0;
  return tagOfPage(at.half, above, sizeIndex, role);
}

/** The `page` part of an address's key. */
export function pageOf(at: TlbAddress, sizeIndex: number): number {
  return at.from(PAGE_SIZES_LOG2[sizeIndex]!);
}

/** @param above bits of the page number above the lowest 32. */
export function tagOfPage(half: number, above: number, sizeIndex: number, role: Role): number {
  return role | (sizeIndex << SIZE_SHIFT) | (half << HALF_SHIFT) | (above << PAGE_SHIFT);
}

export function sizeIndexOf(tag: number): number {
  return (tag >>> SIZE_SHIFT) & 0xf;
}

export function roleOf(tag: number): Role {
  return (tag & 3) as Role;
}

/** 0 for TTB0 and stage 2, 1 for TTB1. */
export function halfOf(tag: number): 0 | 1 {
  return ((tag >>> HALF_SHIFT) & 1) as 0 | 1;
}

/** First input address of what the key names. */
export function firstByteOf(tag: number, page: number): number {
  return ((tag >>> PAGE_SHIFT) * TWO_32 + (page >>> 0)) * PAGE_BYTES[sizeIndexOf(tag)]!;
}

/** The `page` part of the key of a larger page around a page: at least 2 MiB, so there is no more. */
export function pageAround(tag: number, page: number, sizeIndex: number): number {
  const by = PAGE_SIZES_LOG2[sizeIndex]! - PAGE_SIZES_LOG2[sizeIndexOf(tag)]!;
  return by === 0 ? page : ((tag >>> PAGE_SHIFT) << (32 - by)) | (page >>> by);
}
