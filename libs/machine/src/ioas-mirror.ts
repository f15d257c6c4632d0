const PAGE = 4096;

/** A mapping of an IOAS: byte addresses and length. */
export interface Area {
  readonly iova: number;
  readonly length: number;
  readonly pa: number;
  readonly read: boolean;
  readonly write: boolean;
}

/** Where an IOAS's changes go: the driver's page tables by domain. */
export interface MirrorTables {
  map(domain: string, mapping: Area & { readonly mmio: boolean }): void;
  unmap(domain: string, range: { readonly iova: number; readonly length: number }): void;
}

/**
 * An IOAS and the page tables that mirror it, in the order in which iommufd works on them (struct io_pagetable,
 * drivers/iommu/iommufd/io_pagetable.c and pages.c).
 *
 * One table stores an area's page addresses for the kernel; it is unmapped last, after the others in their order.
 */
export class IoasMirror {
  private areas: { readonly area: Area; storage: string | undefined }[] = [];
  /** `io_pagetable.domains`: linear, a gap is filled by the last. */
  private readonly domains: string[] = [];

  /** Tables may hold blocks larger than a page. */
  private hugePages = true;

  constructor(private readonly tables: MirrorTables) {}

  /** IOMMU_OPTION_HUGE_PAGES: how what is mapped from now on is written into the tables. */
  setHugePages(enabled: boolean): void {
    this.hugePages = enabled;
  }

  map(area: Area): void {
    for (const domain of this.domains) this.fill(domain, area);
    this.areas.push({ area, storage: this.domains[0] });
  }

  /** Areas that lie in the range go one after the other in address order, each with its own invalidations. */
  unmap(range: { readonly iova: number; readonly length: number }): void {
    const end = range.iova + range.length;
    const inside = ({ iova, length }: Area): boolean => iova >= range.iova && iova + length <= end;
    const gone = this.areas.filter(({ area }) => inside(area));
    gone.sort((a, b) => a.area.iova - b.area.iova);
    this.areas = this.areas.filter(({ area }) => !inside(area));
    for (const { area, storage } of gone) {
      for (const domain of this.domains) if (domain !== storage) this.tables.unmap(domain, area);
      if (storage !== undefined) this.tables.unmap(storage, area);
    }
  }

  /** A new table is filled (iopt_table_add_domain, iopt_fill_domain). */
  add(domain: string): void {
    this.domains.push(domain);
    for (const entry of this.areas) {
      this.fill(domain, entry.area);
      entry.storage ??= domain;
    }
  }

  /** In one piece, or page by page so that no block comes of it (batch_iommu_map_small). */
  private fill(domain: string, area: Area): void {
    const step = this.hugePages ? area.length : PAGE;
    for (let at = 0; at < area.length; at += step) {
      const [iova, pa] = [area.iova + at, area.pa + at];
      this.tables.map(domain, { ...area, iova, pa, length: step, mmio: false });
    }
  }

  /** A table goes as a whole; another stores what it stored (iopt_table_remove_domain, iopt_unfill_domain). */
  remove(domain: string): void {
    const at = this.domains.indexOf(domain);
    const last = this.domains.pop();
    if (last !== undefined && last !== domain) this.domains[at] = last;
    for (const entry of this.areas) {
      if (entry.storage === domain) entry.storage = this.domains[0];
    }
  }
}
