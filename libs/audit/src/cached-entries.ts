import type { HostMachine } from '@steward/machine';
import { STE, type CachedEntry, type MadeFrom } from '@steward/smmu';
import { translationPath } from './translation-path/translation-path';

export type { CachedEntry, MadeFrom };

/** Which cached entries: a device's STE, CDs and the descriptors that led there; with an address, what translates it. */
export interface CachedQuestion {
  readonly device: string;
  readonly iova?: bigint;
}

/** What the caches of a device's SMMU hold for it, and the words that each entry was made from. */
export function cachedFor(machine: HostMachine, question: CachedQuestion): MadeFrom[] {
  const isMeant = entriesOf(machine, question);
  const { hardware } = machine.placeOf(question.device);
  return [...hardware.madeFrom()].filter(({ entry }) => isMeant(entry));
}

/** Which entries are a device's: by StreamID, and, of an address, by VMID and what they cover. */
function entriesOf(
  machine: HostMachine,
  { device, iova }: CachedQuestion,
): (entry: CachedEntry) => boolean {
  const streamIds = new Set(machine.placeOf(device).streamIds);
  const vmid = Number(STE.get(machine.physicalSte(device), 'S2VMID'));
  const path = iova === undefined ? undefined : translationPath(machine, { device, iova });
  const ipa = path?.end.kind === 'ok' ? path.end.ipa : undefined;
  return (entry) => {
    switch (entry.cache) {
      case 'STE':
      case 'CD':
      case 'L1CD':
        return iova === undefined && streamIds.has(entry.streamId);
      case 'L1STD':
        return iova === undefined && [...streamIds].some((id) => id >>> 8 === entry.index);
      case 'ATC':
        return iova !== undefined && streamIds.has(entry.streamId) && covers(entry, iova);
      default: {
        if (iova === undefined || entry.vmid !== vmid) return false;
        if (entry.stage !== 'stage 2') return covers(entry, iova & LOW_52);
        return covers(entry, BigInt(ipa ?? iova));
      }
    }
  };
}

const LOW_52 = (1n << 52n) - 1n;

function covers(
  { address, sizeLog2 }: { readonly address: bigint | number; readonly sizeLog2: number },
  at: bigint,
): boolean {
  return BigInt(address) >> BigInt(sizeLog2) === at >> BigInt(sizeLog2);
}
