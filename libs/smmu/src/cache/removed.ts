/** Numbers of cached entries by kind: what one command removed, or what a cache holds. */
export interface Removed {
  /** STEs, CDs, L1STDs and L1CDs. */
  readonly configuration: number;
  /** TLB entries of stage 1 alone. */
  readonly stage1: number;
  /** TLB entries of stage 2 alone. */
  readonly stage2: number;
  /** TLB entries that combine both stages. */
  readonly nested: number;
  /** Translations in the devices' ATCs. */
  readonly atc: number;
}
