import type { Implementation } from '../reading/implementation';
import { edgeCd } from './edges';
import { Fields } from './fields';
import type { Random } from './random';
import { TableBuilder } from './tables';
import type { World } from './world';

/** One half of a context under construction. */
export interface HalfBuilder {
  readonly tables: TableBuilder;
  readonly inputSize: number;
  readonly topByteIgnored: boolean;
}

export interface Context {
  /** The SubstreamID that reaches it; `undefined`: transactions without one. */
  readonly substreamId: number | undefined;
  readonly halves: readonly HalfBuilder[];
}

const TG0_CODE = new Map([
  [12, 0],
  [16, 1],
  [14, 2],
]);
const TG1_CODE = new Map([
  [14, 1],
  [12, 2],
  [16, 3],
]);

/** Builds a CD and its tables, and fills the S1 fields of the STE. */
export function buildCd(world: World): Context {
  const { random, implementation, ste, space } = world;
  const s1CdMax = random.chance(60) ? random.below(implementation.ssidSize + 1) : 0;
  const twoLevel = s1CdMax > 0 && implementation.cd2l && random.chance(60);
  const format = twoLevel ? 1 + random.below(2) : 0;
  const dss = random.pick([0, 1, 2, 2, 2, 3]);
  const tagged = s1CdMax > 0 && (dss === 1 || dss === 0 || random.chance(50));
  const index = tagged ? random.below(2 ** s1CdMax) : 0;
  const leafBits = [20, 6, 10][format]!;
  const root = space.reserve(format === 0 ? s1CdMax + 6 : Math.max(6, s1CdMax - leafBits + 3));
  let at = root + 64n * BigInt(index);
  if (format !== 0) {
    const leaf = space.reserve(leafBits + 6);
    space.write(root + 8n * BigInt(index >> leafBits), leaf | (random.chance(97) ? 1n : 0n));
    at = leaf + 64n * BigInt(index % 2 ** leafBits);
  }
  ste
    .set(55, 6, root >> 6n)
    .set(5, 4, format)
    .set(63, 59, s1CdMax)
    .set(65, 64, dss)
    .set(71, 66, random.below(64))
    .set(91, 91, implementation.stallModel === 0 && random.chance(30) ? 1 : 0);
  const cd = new Fields(8);
  const halves = buildFields(world, cd);
  cd.words().forEach((word, i) => space.write(at + 8n * BigInt(i), word));
  return { substreamId: tagged ? index : undefined, halves };
}

function buildFields(world: World, cd: Fields): HalfBuilder[] {
  const { random, implementation, ste } = world;
  const { ttEndian, stallModel, httu, abortOnly, asid16 } = implementation;
  const bigEndian = ttEndian === 3 || (ttEndian === 0 && random.chance(30));
  const stallsForbidden = stallModel === 1 || Number((ste.words()[1]! >> 27n) & 1n) === 1;
  const access = httu > 0 && random.chance(60);
  const mair = [0x00, 0x04, 0x08, 0x0c, 0x44, 0xff, 0xbb, 0x4f, 0xf4, 0x37, 0x5e, 0xf0, 0x06];
  cd.set(31, 31, 1)
    .set(15, 15, bigEndian ? 1 : 0)
    .set(34, 32, random.chance(85) ? 6 : random.below(8))
    .set(35, 35, random.chance(30) ? 1 : 0)
    .set(36, 36, random.chance(25) ? 1 : 0)
    .set(37, 37, random.chance(25) ? 1 : 0)
    .set(40, 40, random.chance(25) ? 1 : 0)
    .set(41, 41, 1)
    .set(42, 42, httu === 2 && random.chance(60) ? 1 : 0)
    .set(43, 43, access ? 1 : 0)
    .set(44, 44, stallModel === 2 || (!stallsForbidden && random.chance(25)) ? 1 : 0)
    .set(45, 45, random.chance(80) ? 1 : 0)
    .set(46, 46, abortOnly || random.chance(60) ? 1 : 0)
    .set(63, 48, random.below(asid16 ? 65536 : 256));
  for (let i = 0; i < 8; i++) cd.set(199 + 8 * i, 192 + 8 * i, random.pick(mair));
  const halves = [0, 1].map((n) => buildHalf(world, cd, n as 0 | 1, bigEndian));
  edgeCd(random, cd);
  return halves;
}

function inputSizeOf(
  random: Random,
  pageShift: number,
  { smallTables, va52 }: Implementation,
): number {
  const large = pageShift === 16;
  const most = large && va52 ? 52 : 48;
  const least = smallTables ? (large ? 17 : 16) : 25;
  return random.chance(50) ? most - random.below(5) : least + random.below(most - least + 1);
}

function buildHalf(world: World, cd: Fields, n: 0 | 1, bigEndian: boolean): HalfBuilder {
  const { random, implementation, space } = world;
  const pageShift = random.pick(implementation.granules);
  const inputSize = inputSizeOf(random, pageShift, implementation);
  const startLevel = 4 - Math.ceil((inputSize - pageShift) / (pageShift - 3));
  const tables = new TableBuilder(space, random, {
    pageShift,
    startLevel,
    inputSize,
    bigEndian,
    hierarchical: 12,
  });
  const topByteIgnored = random.chance(40);
  const attributes = random.below(64);
  const disabled = random.chance(5) ? 1 : 0;
  if (n === 0) {
    cd.set(5, 0, 64 - inputSize)
      .set(7, 6, TG0_CODE.get(pageShift)!)
      .set(13, 8, attributes);
    cd.set(14, 14, disabled).set(38, 38, topByteIgnored ? 1 : 0);
    cd.set(115, 68, tables.programmedRoot() >> 4n);
  } else {
    cd.set(21, 16, 64 - inputSize)
      .set(23, 22, TG1_CODE.get(pageShift)!)
      .set(29, 24, attributes);
    cd.set(30, 30, disabled).set(39, 39, topByteIgnored ? 1 : 0);
    cd.set(179, 132, tables.programmedRoot() >> 4n);
  }
  const [had, e0pd] = n === 0 ? [65, 66] : [129, 130];
  cd.set(had, had, random.chance(40) ? 1 : 0).set(e0pd, e0pd, random.chance(15) ? 1 : 0);
  return { tables, inputSize, topByteIgnored };
}
