import { COMMANDS, commandName, type CachedEntry, type CommandWords } from '@steward/smmu';

/** Where a guest's invalidations have to arrive: what its tags and StreamIDs stand for. */
export interface GuestTarget {
  readonly vm: string;
  readonly smmu: string;
  readonly vmid: number;
  /** The StreamID of a vSID; undefined where the guest has no such device. */
  streamIdOf(vsid: number): number | undefined;
}

const LOW_52 = 2 ** 52;
const PAGE_LOG2: Readonly<Record<number, number>> = { 1: 12, 2: 14, 3: 16 };

/**
 * Whether an invalidation that a guest issued names a cached entry of its own, as the architecture
 * understands the command (IHI 0070 §4.3, §4.4.2). In doubt, no.
 */
export function asksFor(command: CommandWords, entry: CachedEntry, target: GuestTarget): boolean {
  const name = commandName(command);
  switch (name) {
    case 'CFGI_CD':
    case 'CFGI_CD_ALL': {
      if (entry.cache !== 'CD') return false;
      const { layout } = COMMANDS[name];
      const vsid = Number(layout.get(command, 'StreamID'));
      if (target.streamIdOf(vsid) !== entry.streamId) return false;
      if (name === 'CFGI_CD_ALL') return true;
      const ssid = COMMANDS.CFGI_CD.layout.get(command, 'SubstreamID');
      return Number(ssid) === entry.substreamId;
    }
    case 'ATC_INV':
      return entry.cache === 'ATC' && namesAtc(command, entry, target);
    case 'TLBI_NH_ALL':
    case 'TLBI_NSNH_ALL':
      return isStage1Of(entry, target.vmid);
    case 'TLBI_NH_ASID': {
      const asid = Number(COMMANDS.TLBI_NH_ASID.layout.get(command, 'ASID'));
      return isStage1Of(entry, target.vmid) && entry.asid === asid;
    }
    case 'TLBI_NH_VA': {
      if (!isStage1Of(entry, target.vmid)) return false;
      const asid = Number(COMMANDS.TLBI_NH_VA.layout.get(command, 'ASID'));
      return (entry.asid === undefined || entry.asid === asid) && namesAddress(command, entry);
    }
    case 'TLBI_NH_VAA':
      return isStage1Of(entry, target.vmid) && namesAddress(command, entry);
    default:
      return false;
  }
}

type AtcTranslation = Extract<CachedEntry, { cache: 'ATC' }>;

/** CMD_ATC_INV: a span of 2^(12 + Size) bytes, aligned; without SSV the entries of all PASIDs (§4.5.1). */
function namesAtc(command: CommandWords, entry: AtcTranslation, target: GuestTarget): boolean {
  const { layout } = COMMANDS.ATC_INV;
  if (target.streamIdOf(Number(layout.get(command, 'StreamID'))) !== entry.streamId) return false;
  const ssid = Number(layout.get(command, 'SubstreamID'));
  if (layout.get(command, 'SSV') === 1n && ssid !== entry.substreamId) return false;
  const sizeLog2 = 12n + layout.get(command, 'Size');
  const shift = sizeLog2 > BigInt(entry.sizeLog2) ? sizeLog2 : BigInt(entry.sizeLog2);
  return layout.get(command, 'Address') >> shift === entry.address >> shift;
}

type Translation = Extract<CachedEntry, { cache: 'TLB' | 'walk' }>;

function isStage1Of(entry: CachedEntry, vmid: number): entry is Translation {
  if (entry.cache !== 'TLB' && entry.cache !== 'walk') return false;
  return entry.stage !== 'stage 2' && entry.vmid === vmid;
}

/** The address and range fields of CMD_TLBI_NH_VA and CMD_TLBI_NH_VAA, which lie alike (§4.4.1.1). */
function namesAddress(command: CommandWords, entry: Translation): boolean {
  const field = (name: 'Address' | 'NUM' | 'SCALE' | 'TG' | 'TTL' | 'Leaf'): number =>
    Number(COMMANDS.TLBI_NH_VA.layout.get(command, name));
  if (entry.cache === 'walk' && field('Leaf') === 1) return false;
  const address = COMMANDS.TLBI_NH_VA.layout.get(command, 'Address');
  if (Number((address >> 55n) & 1n) !== entry.half) return false;
  const granule = PAGE_LOG2[field('TG')];
  const ttl = granule === undefined ? 0 : field('TTL');
  if (ttl !== 0 && (entry.cache === 'walk' ? entry.level >= ttl : entry.level !== ttl))
    return false;
  const first = Number(address % 2n ** 52n);
  const pages = granule === undefined ? 1 : (field('NUM') + 1) * 2 ** field('SCALE');
  const last = Math.min(first + pages * 2 ** (granule ?? 12), LOW_52) - 1;
  return entry.address <= last && first < entry.address + 2 ** entry.sizeLog2;
}
