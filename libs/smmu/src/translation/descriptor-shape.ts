import type { Illegality } from '../configuration/legality';
import { TABLE_DESCRIPTOR } from '../formats/translation-descriptor';
import { featuresOf, type SmmuConfiguration } from '../registers/features';
import { Descriptor } from './descriptor';
import { granuleOfTg0, levelShift, type Granule } from './granule';

/** Where a descriptor lies: the granule of its table, and the lookup level. */
export interface DescriptorPlace {
  readonly granule: '4k' | '16k' | '64k';
  readonly level: 0 | 1 | 2 | 3;
}

/** What hardware takes a descriptor for (DDI 0487 D8.3.1). */
export interface DescriptorShape {
  /** `reserved`: valid, but of a type that its level does not have. */
  readonly kind: 'invalid' | 'reserved' | 'table' | 'block' | 'page';
  /** What a table points at, or a block or page maps. */
  readonly address?: number;
  /** log2 of the bytes that the entry covers. */
  readonly sizeLog2: number;
  /** Why a walk stops here: with F_ADDR_SIZE about the address, otherwise with F_TRANSLATION. */
  readonly illegality?: Illegality;
}

const TG0 = { '4k': 0, '64k': 1, '16k': 2 } as const;

/** What a stage-1 or stage-2 descriptor is at its place, on an SMMU. */
export function descriptorShape(
  word: bigint,
  place: DescriptorPlace,
  configuration: SmmuConfiguration,
): DescriptorShape {
  const features = featuresOf(configuration);
  const { level } = place;
  const granule = granuleOfTg0(TG0[place.granule], features);
  if (granule === undefined) {
    const illegality = { about: 'granule', why: 'the granule is not implemented' };
    return { kind: 'invalid', sizeLog2: 0, illegality };
  }
  const sizeLog2 = levelShift(granule, level);
  if (TABLE_DESCRIPTOR.get([word], 'Valid') === 0n) {
    return { kind: 'invalid', sizeLog2, illegality: { about: 'Valid', why: 'it is not valid' } };
  }
  const tableOrPage = TABLE_DESCRIPTOR.get([word], 'Type') === 1n;
  if (!tableOrPage && (level === 3 || level < granule.firstBlockLevel)) {
    const why = `level ${level} of this granule has no blocks`;
    return { kind: 'reserved', sizeLog2, illegality: { about: 'Type', why } };
  }
  const kind = !tableOrPage ? 'block' : level === 3 ? 'page' : 'table';
  const output = addressOf(word, granule);
  const address = kind === 'block' ? output - (output % 2 ** sizeLog2) : output;
  if (output < features.outputLimit) return { kind, address, sizeLog2 };
  const illegality = { about: 'address', why: 'the address is beyond IDR5.OAS' };
  return { kind, address, sizeLog2, illegality };
}

function addressOf(word: bigint, granule: Granule): number {
  const entry = new Descriptor();
  entry.lo = Number(BigInt.asIntN(32, word));
  entry.hi = Number(BigInt.asIntN(32, word >> 32n));
  return entry.address(granule);
}
