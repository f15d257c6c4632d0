import {
  atcInvalidateAll,
  issue,
  pasidFields,
  syncIssue,
  type CommandFields,
  type Issue,
} from './issue';
import type { CountedTarget, InvalidationArray, InvalidationTarget } from './invalidation-array';
import type { FlushRequest } from './page-table';
import type { PolicyRules } from './policy';

const GRANULE_BITS = 12;
const PAGE = 4096;
/** TLBI TG encoding of a 4K granule (IHI 0070 §4.4.1). */
const TG_4K = 1n;
/** Largest NUM+1 of one range command is 32; Linux builds ranges of up to 31. */
const RANGE_CHUNK_MAX = 31;

/** What of an SMMU decides the shape of its invalidations. */
export interface InvalidationFeatures {
  /** IDR3.RIL, unless forced off. */
  readonly rangeInvalidation: boolean;
  readonly longRange: PolicyRules['longRange'];
}

/** The command that invalidates a range of a target, and the one that invalidates all of it. */
const OPCODES = {
  S1_ASID: { range: 'TLBI_NH_VA', all: 'TLBI_NH_ASID', tag: 'ASID' },
  S2_VMID: { range: 'TLBI_S2_IPA', all: 'TLBI_S12_VMALL', tag: 'VMID' },
} as const;

/**
 * The commands that a change of a domain's table needs, in the order the driver issues them (Linux
 * `arm_smmu_domain_inv_range`): by SMMU, then TLB before ATC, with a CMD_SYNC wherever the next group relies on the one
 * before. A nest parent's change also removes everything stage 1 of its VMID has cached, since a combined entry holds the
 * old stage-2 result under a VA that TLBI_S2_IPA cannot name (IHI 0070 §4.4.3.1).
 */
export function invalidationPlan(
  array: InvalidationArray,
  request: FlushRequest,
  featuresOf: (smmu: string) => InvalidationFeatures,
): readonly Issue[] {
  const plan: Issue[] = [];
  let last: CountedTarget | undefined;
  let span = NO_SPAN;
  let synced = 0;
  const sync = (): void => {
    if (last !== undefined && plan.length > synced) synced = plan.push(syncIssue(last.smmu));
  };
  for (const entry of array) {
    if (entry.users === 0) continue;
    if (last !== undefined && endsBatch(last, entry)) sync();
    if (last?.smmu !== entry.smmu) span = spanOf(request, featuresOf(entry.smmu));
    pushIssues(plan, entry, request, span);
    last = entry;
  }
  sync();
  return plan;
}

/** What a VMID's or ASID's last user leaves behind is removed at once: nobody will invalidate it later. */
export function tagFlushPlan(target: InvalidationTarget): readonly Issue[] {
  if (target.type !== 'S1_ASID' && target.type !== 'S2_VMID') return [];
  const { all, tag } = OPCODES[target.type];
  return [issue(target.smmu, all, { [tag]: BigInt(target.id) }), syncIssue(target.smmu)];
}

/**
 * Empties the ATCs of a device's streams after its translation changed.
 * @param ssid only what was cached under this PASID; 0 for everything.
 */
export function atcFlushPlan(
  smmu: string,
  streamIds: readonly number[],
  ssid = 0,
): readonly Issue[] {
  if (streamIds.length === 0) return [];
  return [...streamIds.map((id) => atcInvalidateAll(smmu, id, ssid)), syncIssue(smmu)];
}

function endsBatch(entry: CountedTarget, next: CountedTarget): boolean {
  if (entry.smmu !== next.smmu) return true;
  // NH_ALL must find no stage-2 entry left from which a combined one could be made anew.
  if (next.type === 'S2_VMID_S1_CLEAR' && entry.type !== 'S2_VMID_S1_CLEAR') return true;
  // An ATC emptied before the TLB would refill from it (IHI 0070 §3.9.1).
  return isAts(next) && !isAts(entry);
}

function isAts(entry: CountedTarget): boolean {
  return entry.type === 'ATS' || entry.type === 'ATS_FULL';
}

/** How one SMMU is told of a range, worked out once however many entries it has. */
interface Span {
  /** So many commands that they would hold up the queue: all of the tag goes instead. */
  readonly tooBig: boolean;
  /** Fields of the range commands, but for the tag. */
  readonly ranges: readonly CommandFields[];
}

const NO_SPAN: Span = { tooBig: false, ranges: [] };

/** Without range commands, the reach of one leaf table or more is too big. */
function spanOf(request: FlushRequest, features: InvalidationFeatures): Span {
  if (features.rangeInvalidation) return { tooBig: false, ranges: rangeFields(request) };
  const reach = request.granule * 2 ** (Math.log2(request.granule) - 3);
  if (features.longRange === 'whole' && request.size >= reach) return { tooBig: true, ranges: [] };
  return { tooBig: false, ranges: singleFields(request) };
}

function pushIssues(
  plan: Issue[],
  entry: CountedTarget,
  request: FlushRequest,
  { tooBig, ranges }: Span,
): void {
  const { smmu, id } = entry;
  switch (entry.type) {
    case 'S1_ASID':
    case 'S2_VMID': {
      const { range, all, tag } = OPCODES[entry.type];
      if (tooBig) plan.push(issue(smmu, all, { [tag]: BigInt(id) }));
      for (const fields of ranges) plan.push(issue(smmu, range, { [tag]: BigInt(id), ...fields }));
      break;
    }
    case 'S2_VMID_S1_CLEAR':
      // TLBI_S12_VMALL has already removed the stage-1 entries.
      if (!tooBig) plan.push(issue(smmu, 'TLBI_NH_ALL', { VMID: BigInt(id) }));
      break;
    case 'ATS':
      plan.push(issue(smmu, 'ATC_INV', { StreamID: BigInt(id), ...atcSpan(entry, request) }));
      break;
    case 'ATS_FULL':
      plan.push(atcInvalidateAll(smmu, id));
  }
}

/** One command per granule, none of the range fields set. */
function singleFields(request: FlushRequest): CommandFields[] {
  const count = Math.ceil(request.size / request.granule);
  return Array.from({ length: count }, (_, i) => ({
    Address: BigInt(request.iova + i * request.granule),
    Leaf: request.leaf ? 1n : 0n,
  }));
}

/**
 * Successive (NUM+1) * 2^SCALE pages, smallest power of two first (IHI 0070 §4.4.1.1). For tables TTL stays 0, as nothing
 * is known of the levels below; a page more then avoids NUM = SCALE = TTL = 0, which is reserved.
 */
function rangeFields(request: FlushRequest): CommandFields[] {
  const levelBits = GRANULE_BITS - 3;
  const ttl = request.leaf ? 4 - Math.floor((Math.log2(request.granule) - 3) / levelBits) : 0;
  let pages = request.size / PAGE;
  if (!request.leaf && pages % 32 === 1) pages += 1;
  const end = request.iova + request.size;
  const fields: CommandFields[] = [];
  for (let iova = request.iova; iova < end;) {
    let scale = 0;
    while ((pages / 2 ** scale) % 2 === 0) scale += 1;
    const num = (pages / 2 ** scale) % (RANGE_CHUNK_MAX + 1);
    fields.push({
      Address: BigInt(iova),
      NUM: BigInt(num - 1),
      SCALE: BigInt(scale),
      TG: TG_4K,
      TTL: BigInt(ttl),
      Leaf: request.leaf ? 1n : 0n,
    });
    pages -= num * 2 ** scale;
    iova += num * 2 ** scale * PAGE;
  }
  return fields;
}

/** The smallest naturally aligned power of two of pages that holds the range (Linux `arm_smmu_atc_inv_to_cmd`). */
function atcSpan(entry: CountedTarget, request: FlushRequest): CommandFields {
  const first = BigInt(Math.floor(request.iova / PAGE));
  const last = BigInt(Math.floor((request.iova + request.size - 1) / PAGE));
  const size = (first ^ last) === 0n ? 0 : (first ^ last).toString(2).length;
  const mask = (1n << BigInt(size)) - 1n;
  return {
    Size: BigInt(size),
    Address: (first & ~mask) * BigInt(PAGE),
    ...pasidFields(entry.ssid),
  };
}
