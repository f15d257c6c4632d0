import type { Implementation } from '../reading/implementation';
import type { Fields } from './fields';
import type { PhysicalSpace } from './physical';
import type { Random } from './random';
import { TableBuilder } from './tables';

export interface SecondStage {
  readonly tables: TableBuilder;
  readonly pageShift: number;
  readonly inputSize: number;
  readonly forced: boolean;
}

const TG_CODE = new Map([
  [12, 0],
  [16, 1],
  [14, 2],
]);

/** Some legal pair of start level and input size, concatenated tables included. */
function geometry(
  random: Random,
  pageShift: number,
  { oas, smallTables }: Implementation,
): { level: number; inputSize: number } {
  const perLevel = pageShift - 3;
  const large = pageShift === 16;
  const most = Math.min(oas, large ? 52 : 48);
  const least = smallTables ? (large ? 17 : 16) : 25;
  const levels = pageShift === 12 ? [0, 1, 2, ...(smallTables ? [3] : [])] : [1, 2, 3];
  const fitting = levels
    .map((level) => {
      const below = pageShift + perLevel * (3 - level);
      return { level, low: Math.max(least, below + 1), high: Math.min(most, below + perLevel + 4) };
    })
    .filter(({ level, low, high }) => {
      const first = pageShift === 12 ? 0 : 1;
      return low <= high && (level > first || oas >= (pageShift === 14 ? 42 : 44));
    });
  const { level, low, high } = random.pick(fitting);
  const inputSize = random.chance(50) ? high : low + random.below(high - low + 1);
  return { level, inputSize };
}

/** Fills the S2 fields of an STE and starts its tables. */
export function buildStage2(
  random: Random,
  implementation: Implementation,
  physical: PhysicalSpace,
  ste: Fields,
): SecondStage {
  const pageShift = random.pick(implementation.granules);
  const { level, inputSize } = geometry(random, pageShift, implementation);
  const { ttEndian, httu, stallModel, fwb } = implementation;
  const bigEndian = ttEndian === 3 || (ttEndian === 0 && random.chance(30));
  const sl0 = pageShift === 12 ? [2, 1, 0, 3][level]! : 3 - level;
  const forced = fwb && random.chance(50);
  const access = httu > 0 && random.chance(60);
  const tables = new TableBuilder(physical, random, {
    pageShift,
    startLevel: level,
    inputSize,
    bigEndian,
    hierarchical: 0,
  });
  ste
    .set(165, 160, 64 - inputSize)
    .set(167, 166, sl0)
    .set(173, 168, random.below(64))
    .set(175, 174, TG_CODE.get(pageShift)!)
    .set(178, 176, random.chance(85) ? 6 : random.below(8))
    .set(179, 179, 1)
    .set(180, 180, bigEndian ? 1 : 0)
    .set(181, 181, random.chance(30) ? 1 : 0)
    .set(182, 182, random.chance(50) ? 1 : 0)
    .set(183, 183, httu === 2 && random.chance(60) ? 1 : 0)
    .set(184, 184, access ? 1 : 0)
    .set(185, 185, stallModel === 2 || (stallModel === 0 && random.chance(25)) ? 1 : 0)
    .set(186, 186, random.chance(80) ? 1 : 0)
    .set(89, 89, forced ? 1 : 0)
    .set(243, 196, tables.programmedRoot() >> 4n);
  return { tables, pageShift, inputSize, forced };
}
