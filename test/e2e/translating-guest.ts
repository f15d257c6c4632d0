import { encodeDma } from '@steward/domain';
import { CD } from '@steward/smmu';
import type { SmallGuest } from './small-guest';
import { DEVICE, GUEST } from './small-guest';

const CD_AT = 0x4002_0000;
const TABLES = [0x4003_0000, 0x4003_1000, 0x4003_2000] as const;
const S1 = [BigInt(CD_AT) | 0xbn, 0xd6n] as const;
/** EATS=2: the kernel refuses it. */
const ILLEGAL = [S1[0], 0x2000_00d6n] as const;
const LEAF = 0x60_0000_0000_0743n;
const page = (ipa: number): bigint => BigInt(ipa) | LEAF;

/** The one address that the guest maps, and the pages it leads to, one after the other. */
export const IOVA = 0x1000n;
export const FIRST_PAGE = 0x4020_0000;
export const OTHER_PAGE = 0x4020_1000;

/** Commits of what the guest does. */
export interface TranslatingHistory {
  readonly cd: number;
  readonly leaf: number;
  readonly s1: number;
  readonly remapped: number;
  readonly illegal: number;
  readonly unmapped: number;
}

/**
 * A guest that writes a CD and tables, lets its device translate and access memory, changes a page, offers an STE that is
 * refused, and whose VMM then takes its RAM away.
 * @param accessed called after the access.
 */
export async function translate(
  guest: SmallGuest,
  accessed: () => void = () => undefined,
): Promise<TranslatingHistory> {
  const words = CD.encode({
    ...{ V: 1n, AA64: 1n, A: 1n, R: 1n, T0SZ: 25n, IPS: 5n, EPD1: 1n, ASID: 7n },
    ...{ TTB0: BigInt(TABLES[0]), MAIR0: 0xffn },
  });
  const cd = (await guest.store(words.map((word, i) => [CD_AT + 8 * i, word] as const))).position;
  const table = (next: number): bigint => BigInt(next) | 3n;
  const leafAt = TABLES[2] + 8 * Number(IOVA >> 12n);
  const tables = [
    [TABLES[0], table(TABLES[1])],
    [TABLES[1], table(TABLES[2])],
    [leafAt, page(FIRST_PAGE)],
  ] as const;
  const leaf = (await guest.store(tables)).position;
  const s1 = (await guest.changeSte(S1)).position;
  await guest.issue('guest:g', {
    ...{ type: 'GuestActs', vm: GUEST, devices: [DEVICE], segments: [{ op: 'dma', count: 1 }] },
    words: encodeDma([{ device: 0, stream: 0, write: false, iova: IOVA }]),
  });
  accessed();
  const remapped = (await guest.store([[leafAt, page(OTHER_PAGE)]])).position;
  const illegal = (await guest.changeSte(ILLEGAL)).position;
  const ram = { iova: '0x40000000', length: '0x400000' } as const;
  const unmap = { type: 'UnmapIova', ioas: `${GUEST}.ioas`, ...ram } as const;
  const unmapped = (await guest.issue('vmm:g', unmap)).position;
  return { cd, leaf, s1, remapped, illegal, unmapped };
}
