import type { Context } from '@steward/domain';
import { ObjectTable } from './object-table';

/**
 * One open /dev/iommu: the VM whose VMM opened it, its object ids, and the states of the aggregates behind them. Names of new
 * aggregates follow from the file's name and a serial number, so that a destroyed object's name never comes again.
 */
export class Session {
  readonly objects = new ObjectTable();
  private serial = 0;

  constructor(
    readonly vm: string,
    readonly context: Context,
  ) {}

  /** A name no other object of this file has or had. */
  nextName(kind: string): string {
    this.serial += 1;
    return `${this.vm}.${kind}${this.serial}`;
  }

  /** The aggregate that an id names, or a name that is none's, so that the decision finds it absent in its own order. */
  nameOf(kind: 'device' | 'ioas' | 'viommu' | 'fault-queue', id: number): string {
    return this.objects.of(kind, id)?.name ?? `id ${id}`;
  }

  /** Drops the ids of automatic domains that went with their last device. */
  forgetFreed(): void {
    for (const id of this.objects.ids()) {
      const object = this.objects.of('stage1', id);
      if (object?.automatic !== true) continue;
      if (this.context.get('s1-domain', object.name)?.freed === true) this.objects.remove(id);
    }
  }
}
