import { CD, S1_LEAF_DESCRIPTOR, TABLE_DESCRIPTOR } from '@steward/smmu';

/** A stage 1 in the guest buffer: one CD, and what its tables map. */
export interface GuestStage1 {
  readonly cd: number;
  readonly asid: number;
  /** Start-level table; the tables of the levels below are the pages behind it. */
  readonly ttb: number;
  readonly pages: readonly GuestPage[];
}

export interface GuestPage {
  readonly va: number;
  readonly ipa: number;
  readonly readOnly: boolean;
}

/** A store of the VMM into the guest buffer. */
export type Store = readonly [ipa: number, word: bigint];

const PAGE = 0x1000;
/** 39 bits of VA: levels 1 to 3, so that the first 2 MiB need one table of each. */
const T0SZ = 25n;
const IPS_44 = 4n;
const WRITE_BACK = 1n;
const INNER = 3n;

/**
 * What the test program keeps in the guest buffer before it says otherwise: VA 0x1000 on page A, 0x2000 on an IPA that stage 2
 * never maps, 0x3000 read-only. The recording shows it only by its effects.
 */
export const DEFAULT_STAGE1: GuestStage1 = {
  cd: 0x4000_1000,
  asid: 9,
  ttb: 0x4000_2000,
  pages: [
    { va: 0x1000, ipa: 0x4010_0000, readOnly: false },
    { va: 0x2000, ipa: 0xc000_0000, readOnly: false },
    { va: 0x3000, ipa: 0x4010_1000, readOnly: true },
  ],
};
/** "page B" of the steps that move VA 0x1000. */
export const PAGE_B = 0x4010_2000;

/** The stage 1s that a GUEST_MEM step describes: CDs in its words, what they map in its output. */
export function describedStage1s(
  description: string,
  maps: Readonly<Record<string, unknown>>,
): GuestStage1[] {
  const found = [...description.matchAll(/CD at (0x\w+) asid (\d+) ttb (0x\w+)/g)];
  return found.map(([, cd = '', asid, ttb]) => {
    const map = (maps[`s1_map_cd_${cd}`] ?? {}) as Readonly<Record<string, string>>;
    const pages = Object.entries(map).map(([va, to]) => {
      const [ipa, permission] = to.split(' ');
      return { va: Number(va), ipa: Number(ipa), readOnly: permission === 'read-only' };
    });
    return { cd: Number(cd), asid: Number(asid), ttb: Number(ttb), pages };
  });
}

/** The stores that make a stage 1: its CD, its tables, its pages. */
export function stage1Stores(stage1: GuestStage1): Store[] {
  const { ttb, pages } = stage1;
  const tables = [ttb, ttb + PAGE].map((table): Store => [table, tableDescriptor(table + PAGE)]);
  return [...cdStores(stage1, true), ...tables, ...pages.map((page) => pageStore(stage1, page))];
}

/** The stores that write its CD, valid or not. */
export function cdStores({ cd, asid, ttb }: GuestStage1, valid: boolean): Store[] {
  const words = CD.encode({
    T0SZ,
    IR0: WRITE_BACK,
    OR0: WRITE_BACK,
    SH0: INNER,
    EPD1: 1n,
    V: valid ? 1n : 0n,
    IPS: IPS_44,
    AA64: 1n,
    R: 1n,
    A: 1n,
    ASET: 1n,
    ASID: BigInt(asid),
    TTB0: BigInt(ttb),
    MAIR0: 0xffn,
  });
  return words.map((word, i) => [cd + 8 * i, word]);
}

/** The store that maps one page, within the first 2 MiB of VA. */
export function pageStore({ ttb }: GuestStage1, { va, ipa, readOnly }: GuestPage): Store {
  const [word] = S1_LEAF_DESCRIPTOR.encode({
    Valid: 1n,
    Type: 1n,
    AP: readOnly ? 3n : 1n,
    SH: INNER,
    AF: 1n,
    nG: 1n,
    OutputAddress: BigInt(ipa),
  });
  return [ttb + 2 * PAGE + 8 * (va / PAGE), word!];
}

function tableDescriptor(next: number): bigint {
  return TABLE_DESCRIPTOR.encode({ NextLevelTable: BigInt(next) })[0]! | 3n;
}
