import type { ContextConfiguration } from './context-configuration';

/**
 * The CDs and L1CDs cached through one STE, known by their index in the stream's CD table (IHI 0070
 * §4.3.3). They live and die with the cached STE: invalidating it takes them along (§4.3.1).
 */
export class CachedCds {
  /** The CD at index 0, which is the only one of most streams. */
  private first: ContextConfiguration | undefined;
  private others: Map<number, ContextConfiguration> | undefined;
  /** L1CD.L2Ptr by level-1 index; undefined inside the map: an L1CD with V=0. */
  private l1cds: Map<number, number | undefined> | undefined;

  /** Cached structures, CDs and L1CDs. */
  get count(): number {
    const first = this.first === undefined ? 0 : 1;
    return first + (this.others?.size ?? 0) + (this.l1cds?.size ?? 0);
  }

  cd(index: number): ContextConfiguration | undefined {
    return index === 0 ? this.first : this.others?.get(index);
  }

  keepCd(index: number, cd: ContextConfiguration): void {
    if (index === 0) this.first = cd;
    else (this.others ??= new Map()).set(index, cd);
  }

  removeCd(index: number): void {
    if (index === 0) this.first = undefined;
    else this.others?.delete(index);
  }

  /** A cached L1CD: its L2Ptr, or undefined inside for V=0. */
  l1cd(index: number): { readonly l2Ptr: number | undefined } | undefined {
    return this.l1cds?.has(index) ? { l2Ptr: this.l1cds.get(index) } : undefined;
  }

  keepL1cd(index: number, l2Ptr: number | undefined): void {
    (this.l1cds ??= new Map()).set(index, l2Ptr);
  }

  removeL1cd(index: number): void {
    this.l1cds?.delete(index);
  }

  /** Visits the indexes of what is cached. */
  forEach(cd: (index: number) => void, l1cd: (index: number) => void): void {
    if (this.first !== undefined) cd(0);
    for (const index of this.others?.keys() ?? []) cd(index);
    for (const index of this.l1cds?.keys() ?? []) l1cd(index);
  }

  removeAll(): void {
    this.first = undefined;
    this.others = undefined;
    this.l1cds = undefined;
  }
}
