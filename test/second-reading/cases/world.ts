import { addressBits, power } from '../reading/bits';
import { implementationOf, type Implementation } from '../reading/implementation';
import type { Case } from './case';
import { edgeSte } from './edges';
import { buildCd } from './context';
import { stage2Leaf } from './descriptors';
import { randomIdentification } from './identification';
import { IntermediateSpace } from './intermediate';
import { damage } from './mutations';
import { PhysicalSpace } from './physical';
import { Random } from './random';
import { Fields } from './fields';
import { buildStage2, type SecondStage } from './second-stage';
import { buildInvalidations, buildSteps } from './steps';
import type { Space } from './tables';

/** What one case is made of while it is being built. */
export interface World {
  readonly random: Random;
  readonly implementation: Implementation;
  readonly physical: PhysicalSpace;
  readonly ste: Fields;
  readonly stage1: boolean;
  readonly second: SecondStage | undefined;
  /** Where CDs and stage-1 tables lie. */
  readonly space: Space;
  /** Bits of the IPAs (or PAs) in use. */
  readonly ipaSize: number;
  readonly streamId: number;
}

/** The case of a seed: mostly in order, so that deep paths are reached, and then with some damage. */
export function buildCase(seed: number): Case {
  const random = new Random(seed);
  const idr = randomIdentification(random);
  const implementation = implementationOf(idr);
  const physical = new PhysicalSpace(random, implementation.oas);
  const sidBits = Math.min(implementation.sidSize, 4 + random.below(8));
  const streamId = random.below(2 ** sidBits);
  const ste = new Fields(8);
  const config = configuration(random, implementation);
  ste.set(0, 0, 1).set(3, 1, config);
  const second =
    (config & 2) === 2 ? buildStage2(random, implementation, physical, ste) : undefined;
  commonFields(random, implementation, ste);
  const ipaSize =
    second === undefined ? implementation.oas : Math.min(second.inputSize, implementation.oas);
  const space =
    second === undefined
      ? physical
      : new IntermediateSpace(physical, random, second.tables, second.pageShift, ipaSize, () =>
          stage2Leaf(random, 'tables', second.forced),
        );
  const stage1 = (config & 5) === 5;
  const world = { random, implementation, physical, ste, stage1, second, space, ipaSize, streamId };
  const context = stage1 ? buildCd(world) : undefined;
  const steps = buildSteps(world, context);
  const invalidations = buildInvalidations(world, steps);
  edgeSte(random, ste);
  const { registers, at: steAt } = placeSte(world, sidBits);
  const intact = new Map(physical.words);
  if (random.chance(50)) damage(random, physical.words);
  const { regions, words } = physical;
  const places = { regions, words, intact, ste: steAt };
  return { idr, registers, ...places, streamId, steps, invalidations };
}

function configuration(random: Random, { stage1, stage2 }: Implementation): number {
  if (random.chance(3)) return random.below(8);
  if (stage1 && stage2) return random.pick([4, 5, 5, 5, 6, 6, 7, 7, 7, 7, 7]);
  return stage1 ? 5 : 6;
}

/** A legal EATS: what stage 2 stalls on, ATS cannot be used with. */
function atsMode(random: Random, { ns1ats }: Implementation, ste: Fields): number {
  const words = ste.words();
  const config = Number((words[0]! >> 1n) & 7n);
  const stalls = ((words[2]! >> 57n) & 1n) === 1n;
  if (stalls && config >= 6) return 0;
  return random.pick(config === 7 && !ns1ats ? [0, 1, 1, 2, 2] : [0, 1, 1]);
}

function commonFields(random: Random, implementation: Implementation, ste: Fields): void {
  ste.set(93, 92, random.chance(5) ? random.below(4) : atsMode(random, implementation, ste));
  if (random.chance(45)) ste.set(95, 94, random.chance(90) ? 2 : random.below(4));
  if (random.chance(40)) ste.set(113, 112, random.below(4));
  if (random.chance(30)) ste.set(115, 114, random.below(4));
  ste.set(109, 108, random.pick([1, 1, 0, 2, 3]));
  if (random.chance(40)) {
    ste.set(100, 100, 1).set(99, 96, random.below(16));
    if (random.chance(50)) ste.set(104, 101, random.below(16));
  }
  ste.set(143, 128, random.below(implementation.vmid16 ? 65536 : 256));
}

/** The stream table with the one STE, and the registers that point to it. */
function placeSte(
  world: World,
  sidBits: number,
): { readonly registers: Case['registers']; readonly at: bigint } {
  const { random, physical, implementation, ste, streamId } = world;
  const twoLevel = implementation.twoLevelStreamTable && random.chance(50);
  let base: bigint;
  let at: bigint;
  let cfg = BigInt(sidBits);
  if (twoLevel) {
    const split = random.pick([6, 8, 10]);
    const index = streamId % 2 ** split;
    const fitting = Math.max(1, 32 - Math.clz32(index) + 1);
    const span = random.chance(95)
      ? Math.min(split + 1, fitting + random.below(2))
      : random.below(16);
    base = physical.reserve(Math.max(6, sidBits - split + 3));
    const leaf = physical.reserve(split + 6);
    physical.write(base + 8n * BigInt(Math.floor(streamId / 2 ** split)), leaf | BigInt(span));
    at = leaf + 64n * BigInt(index);
    cfg |= (1n << 16n) | (BigInt(split === 6 ? random.pick([6, 6, 0, 7, 12]) : split) << 6n);
  } else {
    base = physical.reserve(sidBits + 6);
    at = base + 64n * BigInt(streamId);
  }
  ste.words().forEach((word, i) => physical.write(at + 8n * BigInt(i), word));
  if (sidBits === implementation.sidSize && random.chance(20)) cfg += BigInt(random.below(8));
  if (random.chance(1)) base ^= power(6 + random.below(20));
  const registers = {
    CR0: 0xcn | (random.chance(97) ? 1n : 0n) | (random.chance(70) ? 16n : 0n),
    CR2: BigInt(random.below(2) | (random.chance(70) ? 2 : 0) | (random.chance(50) ? 8 : 0)),
    GBPA: gbpa(random),
    STRTAB_BASE: addressBits(base, 51, 6, 6),
    STRTAB_BASE_CFG: cfg,
  };
  return { registers, at };
}

function gbpa(random: Random): bigint {
  const attributes = new Fields(1).set(13, 12, random.below(4));
  if (random.chance(50)) {
    attributes.set(4, 4, 1).set(3, 0, random.below(16)).set(11, 8, random.below(16));
  }
  if (random.chance(30)) attributes.set(20, 20, 1);
  return attributes.words()[0]!;
}
