import { PAGE_BYTES, PER_PAGE } from './page-sizes';

/**
 * What a place in the TLB's arena holds. A key is (half, page, size, role) as one number below
 * 2^47, so entries of different roles may stand for the same address.
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

const SCALE = 64;
const PER_KEY = 1 / SCALE;
/** Pages of one half: addresses have 52 bits. */
const HALF = 2 ** 40;

/** @param sizeIndex place in PAGE_SIZES_LOG2. */
export function keyOf(half: number, address: number, sizeIndex: number, role: Role): number {
  const page = Math.floor(address * PER_PAGE[sizeIndex]!);
  return (page + half * HALF) * SCALE + (sizeIndex * 4 + role);
}

export function sizeIndexOf(key: number): number {
  return (key >>> 2) & 0xf;
}

export function roleOf(key: number): Role {
  return (key & 3) as Role;
}

/** 0 for TTB0 and stage 2, 1 for TTB1. */
export function halfOf(key: number): 0 | 1 {
  return key >= HALF * SCALE ? 1 : 0;
}

/** First input address of what the key names. */
export function firstByteOf(key: number): number {
  const page = Math.floor(key * PER_KEY);
  return (page >= HALF ? page - HALF : page) * PAGE_BYTES[sizeIndexOf(key)]!;
}
