import { inputAttributes } from '../attributes/input-overrides';
import type { AttributesCode } from '../attributes/memory-attributes';
import { STREAM_WORLD, type StreamWorld } from '../cache/stream-world';
import type { TranslationCache } from '../cache/translation-cache';
import type { Parts } from '../formats/field-reader';
import { addressSize, type Features } from '../registers/features';
import type { Stage2Context } from '../translation/context';
import { granuleOfTg0, startMaskOf } from '../translation/granule';
import { alignedTableBase } from '../translation/table-base';
import { tableUpdates } from '../translation/table-updates';
import { CachedCds } from './cached-cds';
import { stage2StartLevel } from './stage2-geometry';
import { likenessOf, readSte, usesStage1, usesStage2, type SteFields } from './ste-fields';
import { steIllegality, strwIsUsed, vmidIsUsed } from './ste-legality';

/** Where and how a stream's CDs are found (IHI 0070 §5.2 S1*). */
export interface CdTablePointer {
  /** S1ContextPtr: an IPA where stage 2 translates, otherwise a PA. */
  readonly base: number;
  /** log2 of the number of CDs; 0: one CD and no substreams. */
  readonly cdMax: number;
  /**
   * SubstreamID bits that the leaf table resolves: 6 or 10 in a two-level table, otherwise
   * undefined.
   */
  readonly leafBits: number | undefined;
  /** S1DSS: 0 terminate, 1 bypass stage 1, 2 CD 0. */
  readonly withoutSubstream: 0 | 1 | 2;
}

/** An STE as the engine uses it, decoded when it is fetched. */
export interface StreamConfiguration {
  /** What happens to the stream's transactions. */
  readonly disposition: 'illegal' | 'abort' | 'bypass' | 'translate';
  readonly stage1: CdTablePointer | undefined;
  readonly stage2: Stage2Context | undefined;
  readonly world: StreamWorld;
  /** TLB tag; 0 where the stream is not tagged. */
  readonly vmid: number;
  /** STE.S1STALLD, which makes CDs with S=1 ILLEGAL. */
  readonly stallDisabled: boolean;
  /** Overrides of PnU and InD; undefined: the transaction's own. */
  readonly privileged: boolean | undefined;
  readonly instruction: boolean | undefined;
  /** Attributes that transactions come in with, overrides applied. */
  readonly attributes: AttributesCode;
  /** STE.EATS where it is not IGNORED; its reserved encoding, DPT checks, behaves as `none`. */
  readonly ats: 'none' | 'full' | 'split';
  /** What is cached of the stream's CDs. */
  readonly cds: CachedCds;
  /** Equal for STEs that may stand for one another. */
  readonly likeness: number;
  /**
   * log2 of the StreamIDs that the cached STE answers for: STE.CONT, capped by the table it was found
   * in. 0 for an ILLEGAL STE, and for a copy.
   */
  readonly spanLog2: number;
  /** The cache's: place in a set, where it evicts. */
  place: number;
  /** The cache's: by which StreamID it is known. */
  streamId: number;
  /** The cache's: the StreamID whose STE this is a copy of; -1: its own. */
  source: number;
  /** The cache's: StreamIDs known by a copy of this STE. */
  copies: Set<number> | undefined;
}

const LARGEST_PA = 2 ** 52;
const ATS = ['none', 'full', 'split', 'none'] as const;

/** What is known of an STE from outside of it. */
export interface SteSurroundings {
  /** CR2.E2H. */
  readonly e2h: boolean;
  /** log2 of the STEs in the array it lies in: CONT does not reach beyond. */
  readonly arrayLog2: number;
}

/** Decodes an STE of sixteen 32-bit parts. */
export function decodeSte(
  parts: Parts,
  features: Features,
  caches: TranslationCache,
  { e2h, arrayLog2 }: SteSurroundings,
): StreamConfiguration {
  const ste = readSte(parts);
  const disposition = dispositionOf(ste, features);
  const translates = disposition === 'translate';
  const vmid = vmidIsUsed(ste, features) ? ste.S2VMID : 0;
  return {
    disposition,
    stage1: translates && usesStage1(ste) ? cdTable(ste, features) : undefined,
    stage2: translates && usesStage2(ste) ? stage2Context(ste, features, caches, vmid) : undefined,
    world: worldOf(ste, features, e2h),
    vmid,
    stallDisabled: ste.S1STALLD === 1,
    privileged: features.attrPermsOverride ? override(ste.PRIVCFG) : undefined,
    instruction: features.attrPermsOverride ? override(ste.INSTCFG) : undefined,
    attributes: inputAttributes(ste, features),
    ats: translates && features.ats ? ATS[ste.EATS]! : 'none',
    cds: new CachedCds(),
    likeness: likenessOf(parts),
    spanLog2: disposition === 'illegal' ? 0 : Math.min(ste.CONT, arrayLog2),
    place: -1,
    streamId: -1,
    source: -1,
    copies: undefined,
  };
}

/** The STE as it answers for a neighbour: with CDs of its own, for those belong to a StreamID (§4.3.3). */
export function copyFor(streamId: number, ste: StreamConfiguration): StreamConfiguration {
  const { streamId: source } = ste;
  const own = { cds: new CachedCds(), spanLog2: 0, place: -1, copies: undefined };
  return { ...ste, ...own, streamId, source };
}

function dispositionOf(ste: SteFields, features: Features): StreamConfiguration['disposition'] {
  if (steIllegality(ste, features) !== undefined) return 'illegal';
  // Config[2] = 0, the reserved encodings included, aborts with no event.
  if ((ste.Config & 0b100) === 0) return 'abort';
  return ste.Config === 0b100 ? 'bypass' : 'translate';
}

function worldOf(ste: SteFields, features: Features, e2h: boolean): StreamWorld {
  if (!strwIsUsed(ste, features) || ste.STRW === 0) return STREAM_WORLD.NS_EL1;
  return e2h ? STREAM_WORLD.EL2_E2H : STREAM_WORLD.EL2;
}

function cdTable(ste: SteFields, features: Features): CdTablePointer {
  const cdMax = features.ssidSize === 0 ? 0 : ste.S1CDMax;
  const twoLevel = cdMax > 0 && (ste.S1Fmt === 1 || ste.S1Fmt === 2);
  return {
    base: ste.S1ContextPtr,
    cdMax,
    leafBits: twoLevel ? (ste.S1Fmt === 1 ? 6 : 10) : undefined,
    withoutSubstream: ste.S1DSS === 1 ? 1 : ste.S1DSS === 2 ? 2 : 0,
  };
}

function stage2Context(
  ste: SteFields,
  features: Features,
  caches: TranslationCache,
  vmid: number,
): Stage2Context {
  // A legal STE has a granule and a start level.
  const granule = granuleOfTg0(ste.S2TG, features)!;
  const startLevel = stage2StartLevel(ste.S2SL0, granule, features)!;
  const inputBits = 64 - ste.S2T0SZ;
  const outputBits = addressSize(ste.S2PS, features);
  const updates = tableUpdates(ste.S2HA, ste.S2HD);
  return {
    granule,
    startLevel,
    startMask: startMaskOf(granule, startLevel, inputBits),
    inputLimit: 2 ** inputBits,
    base: alignedTableBase(ste.S2TTB % LARGEST_PA, { granule, startLevel, inputBits, outputBits }),
    outputLimit: 2 ** outputBits,
    accessFlagFaults: !updates.accessFlag && ste.S2AFFD === 0,
    updates,
    // Only a nested stream has walks to protect (IHI 0070 §5.2 S2PTW).
    protectedWalks: ste.S2PTW === 1 && usesStage1(ste),
    forcedWriteBack: features.fwb && ste.S2FWB === 1,
    separateExecute: features.xnx,
    bigEndian: ste.S2ENDI === 1,
    records: ste.S2R === 1,
    stalls: ste.S2S === 1,
    space: caches.stage2Space(vmid),
  };
}

/** PRIVCFG and INSTCFG: 2 clears the attribute, 3 sets it, 0 and 1 leave it (IHI 0070 §5.2). */
function override(encoding: number): boolean | undefined {
  return encoding < 2 ? undefined : encoding === 3;
}
