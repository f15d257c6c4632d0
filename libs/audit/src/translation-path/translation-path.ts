import type { HostMachine } from '@steward/machine';
import { CD, L1CD, L1STD, REGISTERS, STE, STE_CONFIG } from '@steward/smmu';
import type { RegisterName, Smmu, SmmuConfiguration } from '@steward/smmu';
import { PathReader, PathStops, type PathEnd, type TranslationPath } from './path-word';
import { startLevelOf, walkTable, type Table } from './table-walk';

const STE_BYTES = 64;
const CD_BYTES = 64;
const GRANULE_OF_TG0 = ['4k', '64k', '16k'] as const;
const GRANULE_OF_TG1 = [undefined, '16k', '4k', '64k'] as const;

/** Which translation is asked about. */
export interface PathQuestion {
  readonly device: string;
  /** Absent: only the STE, and the CD where there is one. */
  readonly iova?: bigint;
  /** SubstreamID (PASID); absent: traffic without one. */
  readonly pasid?: number;
}

/**
 * The words that translate an address for a device's first StreamID, as they stand in memory: what hardware with empty caches
 * would read, in that order (IHI 0070 §3.3). Nothing is accessed and nothing cached. Permissions, the Access flag and the
 * legality of STE and CD are not judged.
 */
export function translationPath(host: HostMachine, question: PathQuestion): TranslationPath {
  const { hardware, streamIds } = host.placeOf(question.device);
  const memory = host.physicalMemory;
  const reader = new PathReader((pa) => (memory.backed(pa) ? memory.read64(pa) : undefined));
  const path = new Path(reader, hardware);
  try {
    return { words: reader.words, end: path.follow(streamIds[0] ?? 0, question) };
  } catch (error) {
    if (!(error instanceof PathStops)) throw error;
    return { words: reader.words, end: { kind: 'stops', why: error.message } };
  }
}

class Path {
  private readonly configuration: SmmuConfiguration;
  private stage2: Table | undefined;

  constructor(
    private readonly reader: PathReader,
    private readonly hardware: Smmu,
  ) {
    const number = (name: RegisterName): number => Number(hardware.readRegister(name));
    this.configuration = {
      idr: [
        ...[number('IDR0'), number('IDR1'), number('IDR2')],
        ...[number('IDR3'), number('IDR4'), number('IDR5')],
      ] as unknown as SmmuConfiguration['idr'],
      iidr: number('IIDR'),
      aidr: number('AIDR'),
    };
  }

  follow(streamId: number, { iova, pasid }: PathQuestion): PathEnd {
    const ste = this.reader.structure(this.steAt(streamId), STE_BYTES, 'STE');
    const config = STE.get(ste, 'Config');
    const address = Number(iova ?? 0n);
    if (STE.get(ste, 'V') === 0n) throw new PathStops('the STE is not valid');
    if (config === STE_CONFIG.BYPASS) return { kind: 'ok', pa: address };
    if (config < STE_CONFIG.BYPASS) throw new PathStops('the STE aborts');
    if (config !== STE_CONFIG.S1) this.stage2 = stage2Table(ste);
    const index = config === STE_CONFIG.S2 ? undefined : substream(ste, pasid);
    const cd = index === undefined ? undefined : this.cd(ste, index);
    if (iova === undefined) return { kind: 'ok', pa: 0 };
    const ipa = cd === undefined ? address : this.walk(stage1Table(cd, iova), inHalf(cd, iova), '');
    if (this.stage2 === undefined) return { kind: 'ok', pa: ipa };
    return { kind: 'ok', pa: this.walk(this.stage2, ipa, ''), ipa };
  }

  /** Linear or in two levels (IHI 0070 §3.3.1). */
  private steAt(streamId: number): number {
    const base = Number(
      REGISTERS.STRTAB_BASE.layout.get([this.hardware.readRegister('STRTAB_BASE')], 'ADDR'),
    );
    const cfg = [this.hardware.readRegister('STRTAB_BASE_CFG')];
    const { layout } = REGISTERS.STRTAB_BASE_CFG;
    if (layout.get(cfg, 'FMT') === 0n) return base + streamId * STE_BYTES;
    const split = 2 ** Number(layout.get(cfg, 'SPLIT'));
    const at = base + Math.floor(streamId / split) * 8;
    const descriptor = [this.reader.read(at, () => 'L1STD', 'L1STD')];
    if (L1STD.get(descriptor, 'Span') === 0n) throw new PathStops('no second-level stream table');
    return Number(L1STD.get(descriptor, 'L2Ptr')) + (streamId % split) * STE_BYTES;
  }

  /** The CD at an index of the table, linear or in two levels (IHI 0070 §3.3.2). */
  private cd(ste: readonly bigint[], index: number): readonly bigint[] {
    const base = Number(STE.get(ste, 'S1ContextPtr'));
    const format = STE.get(ste, 'S1Fmt');
    let at = base + index * CD_BYTES;
    if (STE.get(ste, 'S1CDMax') > 0n && format !== 0n) {
      const leaf = format === 1n ? 64 : 1024;
      const pa = this.physical(base + Math.floor(index / leaf) * 8, 'the L1CD');
      const descriptor = [this.reader.read(pa, () => 'L1CD', 'L1CD')];
      if (L1CD.get(descriptor, 'V') === 0n) throw new PathStops('the L1CD is not valid');
      at = Number(L1CD.get(descriptor, 'L2Ptr')) + (index % leaf) * CD_BYTES;
    }
    const cd = this.reader.structure(this.physical(at, 'the CD'), CD_BYTES, 'CD');
    if (CD.get(cd, 'V') === 0n) throw new PathStops('the CD is not valid');
    return cd;
  }

  /** Addresses of stage 1's structures are IPAs where stage 2 translates. */
  private physical(address: number, what: string): number {
    return this.stage2 === undefined ? address : this.walk(this.stage2, address, what);
  }

  private walk(table: Table, address: number, why: string): number {
    const { reader, configuration } = this;
    const physical = (at: number, what: string): number =>
      table.stage === 'stage 1' ? this.physical(at, what) : at;
    return walkTable(table, address, { reader, configuration, physical, why });
  }
}

/** Index of the CD, or undefined where stage 1 is bypassed (IHI 0070 §3.3.2, S1DSS). */
function substream(ste: readonly bigint[], pasid: number | undefined): number | undefined {
  const max = Number(STE.get(ste, 'S1CDMax'));
  if (pasid !== undefined) {
    if (pasid < 2 ** max) return pasid;
    throw new PathStops(`PASID ${pasid} is beyond S1CDMax=${max}`);
  }
  if (max === 0) return 0;
  const s1dss = STE.get(ste, 'S1DSS');
  if (s1dss === 0n) throw new PathStops('traffic without PASID is terminated (S1DSS=0)');
  return s1dss === 1n ? undefined : 0;
}

function stage2Table(ste: readonly bigint[]): Table {
  const granule = GRANULE_OF_TG0[Number(STE.get(ste, 'S2TG'))];
  if (granule === undefined) throw new PathStops('S2TG is reserved');
  const sl0 = Number(STE.get(ste, 'S2SL0'));
  // 4K counts down from level 2, and 3 means level 3 where small tables exist (DDI 0487 D8.2.2).
  const startLevel = granule === '4k' ? (sl0 === 3 ? 3 : 2 - sl0) : 3 - sl0;
  const inputBits = 64 - Number(STE.get(ste, 'S2T0SZ'));
  return { stage: 'stage 2', granule, inputBits, startLevel, base: Number(STE.get(ste, 'S2TTB')) };
}

const UPPER_HALF = 1n << 63n;

function stage1Table(cd: readonly bigint[], iova: bigint): Table {
  const upper = iova >= UPPER_HALF;
  if (CD.get(cd, upper ? 'EPD1' : 'EPD0') === 1n) throw new PathStops('walks are disabled (EPD)');
  const granule = upper
    ? GRANULE_OF_TG1[Number(CD.get(cd, 'TG1'))]
    : GRANULE_OF_TG0[Number(CD.get(cd, 'TG0'))];
  if (granule === undefined) throw new PathStops('the granule is reserved');
  const inputBits = 64 - Number(CD.get(cd, upper ? 'T1SZ' : 'T0SZ'));
  const base = Number(CD.get(cd, upper ? 'TTB1' : 'TTB0'));
  const startLevel = startLevelOf(granule, inputBits);
  return { stage: 'stage 1', granule, inputBits, startLevel, base };
}

/** The address inside its half: below TTB0's size, or counted from the beginning of TTB1's. */
function inHalf(cd: readonly bigint[], iova: bigint): number {
  if (iova < UPPER_HALF) return Number(iova);
  const bits = 64n - CD.get(cd, 'T1SZ');
  const first = (1n << 64n) - (1n << bits);
  if (iova < first) throw new PathStops(`0x${iova.toString(16)} is below TTB1's half`);
  return Number(iova - first);
}
