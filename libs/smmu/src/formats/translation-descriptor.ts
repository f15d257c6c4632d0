import { address, bit, bits, layout } from './layout';

/**
 * VMSAv8-64 Table descriptor, levels 0–2 (DDI 0487 D8.3.1). NextLevelTable is shown with its lowest
 * bit at 12; 16K and 64K granules leave the bits below their granule RES0 (64K: [15:12] are output
 * address bits [51:48]).
 */
export const TABLE_DESCRIPTOR = layout('TABLE_DESCRIPTOR', 64, {
  Valid: bit(0),
  Type: bits(1, 1, { BLOCK: 0n, TABLE: 1n }),
  NextLevelTable: address(47, 12, 12),
  PXNTable: bit(59),
  UXNTable: bit(60),
  APTable: bits(62, 61, { NONE: 0n, NO_EL0: 1n, READ_ONLY: 2n, READ_ONLY_NO_EL0: 3n }),
  NSTable: bit(63),
});

/** VMSAv8-64 stage-1 Block or Page descriptor (DDI 0487 D8.3.1, D8.3.2). */
export const S1_LEAF_DESCRIPTOR = layout('S1_LEAF_DESCRIPTOR', 64, {
  Valid: bit(0),
  Type: bits(1, 1, { BLOCK: 0n, PAGE: 1n }),
  AttrIndx: bits(4, 2),
  NS: bit(5),
  AP: bits(7, 6, { PRIV_RW: 0n, RW: 1n, PRIV_RO: 2n, RO: 3n }),
  SH: bits(9, 8, { NSH: 0n, OSH: 2n, ISH: 3n }),
  AF: bit(10),
  nG: bit(11),
  OutputAddress: address(47, 12, 12),
  GP: bit(50),
  DBM: bit(51),
  Contiguous: bit(52),
  PXN: bit(53),
  UXN: bit(54),
  SW: bits(58, 55),
  PBHA: bits(62, 59),
});

/** What a Block descriptor has at either stage, and a Page descriptor has not (DDI 0487 D8.3.1). */
export const BLOCK_DESCRIPTOR = layout('BLOCK_DESCRIPTOR', 64, { nT: bit(16) });

/** VMSAv8-64 stage-2 Block or Page descriptor (DDI 0487 D8.3.1, D8.3.2). */
export const S2_LEAF_DESCRIPTOR = layout('S2_LEAF_DESCRIPTOR', 64, {
  Valid: bit(0),
  Type: bits(1, 1, { BLOCK: 0n, PAGE: 1n }),
  MemAttr: bits(5, 2),
  S2AP: bits(7, 6, { NONE: 0n, RO: 1n, WO: 2n, RW: 3n }),
  SH: bits(9, 8, { NSH: 0n, OSH: 2n, ISH: 3n }),
  AF: bit(10),
  FnXS: bit(11),
  OutputAddress: address(47, 12, 12),
  DBM: bit(51),
  Contiguous: bit(52),
  XN: bits(54, 53),
  SW: bits(58, 55),
  PBHA: bits(62, 59),
});
