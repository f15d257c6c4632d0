import { descriptorShape, TABLE_DESCRIPTOR } from '@steward/smmu';
import type { DescriptorPlace, SmmuConfiguration } from '@steward/smmu';
import { PathStops, type PathEntry, type PathReader } from './path-word';

type GranuleName = DescriptorPlace['granule'];

/** Bits of a page's offset, and bits that one level resolves (DDI 0487 D8.2). */
const GRANULES: Readonly<Record<GranuleName, { readonly page: number; readonly stride: number }>> =
  {
    '4k': { page: 12, stride: 9 },
    '16k': { page: 14, stride: 11 },
    '64k': { page: 16, stride: 13 },
  };

/** A translation table and how an address is resolved in it. */
export interface Table {
  readonly stage: 'stage 1' | 'stage 2';
  readonly granule: GranuleName;
  readonly inputBits: number;
  readonly startLevel: number;
  readonly base: number;
}

/** Level at which a table of stage 1 begins: as many levels as its input needs (DDI 0487 D8.2.2). */
export function startLevelOf(granule: GranuleName, inputBits: number): number {
  const { page, stride } = GRANULES[granule];
  return 4 - Math.ceil((inputBits - page) / stride);
}

/**
 * Where an address leads in a table.
 * @param physical turns the address of a table into the one that memory knows: stage 2's, for tables of a nested stage 1.
 * @throws PathStops
 */
export function walkTable(
  table: Table,
  address: number,
  {
    reader,
    configuration,
    physical,
    why,
  }: {
    readonly reader: PathReader;
    readonly configuration: SmmuConfiguration;
    readonly physical: (address: number, what: string) => number;
    /** What the walk is for, where not for the access itself. */
    readonly why: string;
  },
): number {
  const { stage, granule, inputBits, startLevel } = table;
  const { page, stride } = GRANULES[granule];
  const hex = `0x${address.toString(16)}`;
  if (address >= 2 ** inputBits)
    throw new PathStops(`${hex} is beyond ${stage}'s ${inputBits} bits`);
  let base = table.base;
  for (let level = startLevel; level <= 3; level++) {
    const shift = page + stride * (3 - level);
    const position = Math.floor(address / 2 ** shift);
    const index = level === startLevel ? position : position % 2 ** stride;
    const role = `${stage} level ${level}${why && ` of ${why}`}`;
    const pa = physical(base + 8 * index, role);
    const word = reader.read(pa, (value) => entryOf(value, stage, level), role);
    const place = { granule, level: level as DescriptorPlace['level'] };
    const shape = descriptorShape(word, place, configuration);
    if (shape.illegality !== undefined || shape.address === undefined) {
      throw new PathStops(`${role}: ${shape.illegality?.why ?? shape.kind} (${hex})`);
    }
    if (shape.kind !== 'table') return shape.address + (address % 2 ** shape.sizeLog2);
    base = shape.address;
  }
  throw new Error('unreachable: level 3 has no table descriptors');
}

/** A descriptor above level 3 is a table's or a block's, as its Type says. */
function entryOf(word: bigint, stage: Table['stage'], level: number): PathEntry {
  if (level < 3 && TABLE_DESCRIPTOR.get([word], 'Type') === 1n) return 'table';
  return stage === 'stage 1' ? 's1leaf' : 's2leaf';
}
