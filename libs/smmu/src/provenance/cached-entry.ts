import type { StreamWorld } from '../cache/stream-world';

/** A cached entry as people and checkers speak of it: what an invalidation has to name to remove it. */
export type CachedEntry =
  | { readonly cache: 'STE'; readonly streamId: number }
  /** Level-1 stream table descriptor, by its index. */
  | { readonly cache: 'L1STD'; readonly index: number }
  | { readonly cache: 'CD'; readonly streamId: number; readonly substreamId: number }
  /** Level-1 CD descriptor, by its index. */
  | { readonly cache: 'L1CD'; readonly streamId: number; readonly index: number }
  | CachedTranslation
  /** A translation in the ATC of the device with this StreamID. */
  | {
      readonly cache: 'ATC';
      readonly streamId: number;
      readonly substreamId?: number;
      /** First input address. */
      readonly address: bigint;
      readonly sizeLog2: number;
    };

/** An entry of the TLB (`TLB`) or of the walk cache (`walk`). */
export interface CachedTranslation {
  readonly cache: 'TLB' | 'walk';
  readonly stage: 'stage 1' | 'stage 2' | 'nested';
  readonly world: StreamWorld;
  readonly vmid: number;
  /** Absent for stage 2 and for global entries. */
  readonly asid?: number;
  /** First input address, inside its half of the address space. */
  readonly address: number;
  /** 1 for addresses that TTB1 translates. */
  readonly half: 0 | 1;
  readonly sizeLog2: number;
  /** Level of the descriptor that the entry was made from. */
  readonly level: number;
  /** Output address of the first byte; of a walk-cache entry, the next table's base. */
  readonly output: number;
}

/**
 * How the caches name an entry among themselves: its place in the TLB's arena, or a configuration
 * structure's name.
 */
export type EntryKey = number | string;

export const steKey = (streamId: number): string => `STE ${streamId}`;
export const l1stdKey = (index: number): string => `L1STD ${index}`;
export const cdKey = (streamId: number, index: number): string => `CD ${streamId} ${index}`;
export const l1cdKey = (streamId: number, index: number): string => `L1CD ${streamId} ${index}`;

/** @param page the entry's address in units of its size. */
export const atcKey = (
  streamId: number,
  substreamId: number | undefined,
  sizeLog2: number,
  page: number,
): string => `ATC ${streamId} ${substreamId ?? '-'} ${sizeLog2} ${page}`;

/** The configuration structure, or the translation in an ATC, that a key names. */
export function structureOf(key: string): CachedEntry {
  const [cache, a, b, c, d] = key.split(' ');
  if (cache === 'ATC') {
    const sizeLog2 = Number(c);
    const substream = b === '-' ? {} : { substreamId: Number(b) };
    const address = BigInt(d ?? 0) << BigInt(sizeLog2);
    return { cache, streamId: Number(a), ...substream, address, sizeLog2 };
  }
  const [first, second] = [Number(a), Number(b)];
  switch (cache) {
    case 'STE':
      return { cache, streamId: first };
    case 'L1STD':
      return { cache, index: first };
    case 'CD':
      return { cache, streamId: first, substreamId: second };
    default:
      return { cache: 'L1CD', streamId: first, index: second };
  }
}
