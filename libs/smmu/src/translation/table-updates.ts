/**
 * What hardware writes into the leaves of one stage's tables: Hardware Translation Table Update
 * (IHI 0070 §3.13, DDI 0487 D8.5).
 */
export interface TableUpdates {
  /** An access sets AF. */
  readonly accessFlag: boolean;
  /** A write makes a leaf with DBM=1 writable. */
  readonly dirtyState: boolean;
}

const NONE: TableUpdates = { accessFlag: false, dirtyState: false };
const ACCESS_FLAG: TableUpdates = { accessFlag: true, dirtyState: false };
const ACCESS_FLAG_AND_DIRTY_STATE: TableUpdates = { accessFlag: true, dirtyState: true };

/**
 * What CD.{HA, HD} or STE.{S2HA, S2HD} of a legal structure enable. HD alone is reserved and
 * enables nothing (IHI 0070 §5.2, §5.4).
 */
export function tableUpdates(ha: number, hd: number): TableUpdates {
  if (ha === 0) return NONE;
  return hd === 0 ? ACCESS_FLAG : ACCESS_FLAG_AND_DIRTY_STATE;
}
