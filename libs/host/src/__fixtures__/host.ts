import { PhysicalMemory, type CommandWords } from '@steward/smmu';
import { HostDriver } from '../driver';
import type { AttachRequest } from '../requests';
import { RECORDED_DEVICES, line, recordedSmmu, words, type RecordedTarget } from './recorded';
import type { HostObserver } from '../observer';

export const KERNEL_REGION = { base: 0x1_0000_0000, size: 0x400_0000 };
export const GUEST_MEMORY = { base: 0x2_0000_0000, size: 0x400_0000 };

/** What a driver under test has shown since the last `clear`. */
export interface Shown {
  commands: string[];
  origins: string[];
  steAtSync: { streamId: number; words: readonly bigint[] }[];
  events: (readonly bigint[])[];
  guestEvents: { device: string; vsid: number; parent: string; record: readonly bigint[] }[];
}

/** The recorded machine: one SMMU as in a run, its four devices, and one nest parent `s2` with VMID 1. */
export class RecordedHost {
  readonly memory = new PhysicalMemory([KERNEL_REGION, GUEST_MEMORY]);
  readonly shown: Shown = { commands: [], origins: [], steAtSync: [], events: [], guestEvents: [] };
  readonly driver: HostDriver;

  constructor(run: string) {
    this.driver = new HostDriver({
      memory: this.memory,
      kernelRegion: KERNEL_REGION,
      policy: 'mainline',
      observer: this.observer(),
    });
    this.driver.addSmmu(recordedSmmu(run));
    for (const [id, { streamId, ats }] of Object.entries(RECORDED_DEVICES)) {
      this.driver.addDevice({ id, smmu: 'smmu0', streamIds: [streamId], canwbs: true, ats });
    }
    this.driver.allocateParent({ id: 's2', smmu: 'smmu0', vmid: 1 });
    this.clear();
  }

  clear(): void {
    for (const list of Object.values(this.shown)) list.length = 0;
  }

  attach(device: string, to: RecordedTarget): void {
    this.driver.attach(device, request(to));
  }

  /** Maps pages that are nowhere contiguous, as in the recordings. */
  mapScattered(iova: number, length: number): void {
    for (let offset = 0; offset < length; offset += 0x1000) {
      const pa = GUEST_MEMORY.base + 2 * offset;
      const page = {
        iova: iova + offset,
        length: 0x1000,
        pa,
        read: true,
        write: true,
        mmio: false,
      };
      this.driver.map('s2', page);
    }
  }

  private observer(): HostObserver {
    return {
      steAtSync: ({ streamId, words: ste }) => this.shown.steAtSync.push({ streamId, words: ste }),
      command: ({ words: command, origin }: { words: CommandWords; origin: string }) => {
        this.shown.commands.push(line(command));
        this.shown.origins.push(origin);
      },
      event: ({ record }) => this.shown.events.push(record),
      guestEvent: (e) => this.shown.guestEvents.push(e),
    };
  }
}

function request(to: RecordedTarget): AttachRequest {
  if (to === 'blocked') return { kind: 'blocked' };
  if (to === 'parent') return { kind: 'parent', parent: 's2' };
  const [word0, word1] = words(to as readonly string[]);
  return { kind: 'nested', parent: 's2', vste: [word0!, word1!], vsid: 0x55 };
}
