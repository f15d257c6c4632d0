/** What an object id of an iommufd file names: the kind of object, and the aggregate that decides for it. */
export type IommufdObject =
  | { readonly kind: 'device'; readonly name: string }
  | { readonly kind: 'ioas'; readonly name: string }
  | { readonly kind: 'nest-parent'; readonly name: string }
  | { readonly kind: 'stage1'; readonly name: string; readonly automatic: boolean }
  | { readonly kind: 'nested'; readonly name: string }
  | { readonly kind: 'viommu'; readonly name: string }
  | { readonly kind: 'vdevice'; readonly viommu: string; readonly device: string }
  | { readonly kind: 'veventq'; readonly name: string }
  | { readonly kind: 'fault-queue'; readonly name: string };

export type ObjectKind = IommufdObject['kind'];
export type ObjectOf<K extends ObjectKind> = Extract<IommufdObject, { kind: K }>;

/**
 * The one id space of an iommufd file (struct iommufd_ctx): the lowest free id from 1 on is given out, an id that was given back
 * comes again, and a tombstone keeps an id from both use and reuse until the file is closed.
 */
export class ObjectTable {
  private readonly objects = new Map<number, IommufdObject>();
  private readonly tombstones = new Set<number>();

  add(object: IommufdObject): number {
    let id = 1;
    while (this.objects.has(id) || this.tombstones.has(id)) id += 1;
    this.objects.set(id, object);
    return id;
  }

  get(id: number): IommufdObject | undefined {
    return this.objects.get(id);
  }

  /** The object, if the id names one of this kind (iommufd_get_object). */
  of<K extends ObjectKind>(kind: K, id: number): ObjectOf<K> | undefined {
    const object = this.objects.get(id);
    return object?.kind === kind ? (object as ObjectOf<K>) : undefined;
  }

  /** The id of the first object that satisfies `wanted`. */
  find(wanted: (object: IommufdObject) => boolean): number | undefined {
    for (const [id, object] of this.objects) if (wanted(object)) return id;
    return undefined;
  }

  remove(id: number): void {
    this.objects.delete(id);
  }

  /** Removes the object but never gives out its id again (iommufd_object_tombstone_user). */
  bury(id: number): void {
    this.objects.delete(id);
    this.tombstones.add(id);
  }

  /** Ids in ascending order. */
  ids(): number[] {
    return [...this.objects.keys()].sort((a, b) => a - b);
  }
}
