import type { AtcInvalidation } from '../reading/atc';
import { alignDown, power } from '../reading/bits';
import type { Step } from './case';
import type { Context } from './context';
import { stage1Leaf, stage2Leaf } from './descriptors';
import type { Random } from './random';
import type { World } from './world';

/** Maps some addresses, and has a device use them: accesses, translation requests, and errors. */
export function buildSteps(world: World, context: Context | undefined): Step[] {
  const { random } = world;
  const addresses = [mapAddress(world, context), mapAddress(world, context)];
  return [0, 1, 2, 3].map(() => step(world, context, random.pick(addresses)));
}

/** Makes an input address that leads to memory, through the stages there are. */
function mapAddress(world: World, context: Context | undefined): bigint {
  const { random, physical, second, ipaSize } = world;
  let address = physical.anywhere();
  if (second !== undefined) {
    const level = second.tables.leafLevel();
    const size = second.tables.sizeLog2(level);
    const ipa = withLowBits(random, ipaSize, address, size);
    const output = second.tables.encode(alignDown(address, size));
    second.tables.map(ipa, level, output | stage2Leaf(random, 'data', second.forced));
    address = ipa;
  }
  if (context === undefined) return address;
  const upper = random.below(2);
  const half = context.halves[upper]!;
  const level = half.tables.leafLevel();
  const size = half.tables.sizeLog2(level);
  const va = withLowBits(random, half.inputSize, address, size);
  half.tables.map(va, level, half.tables.encode(alignDown(address, size)) | stage1Leaf(random));
  const extended = upper === 1 ? BigInt.asUintN(64, va | -power(half.inputSize)) : va;
  return half.topByteIgnored && random.chance(50)
    ? BigInt.asUintN(56, extended) | (random.bits(8) << 56n)
    : extended;
}

function step(world: World, context: Context | undefined, mapped: bigint): Step {
  const { random, streamId, implementation } = world;
  const address = random.chance(92) ? mapped : mapped ^ power(random.below(64));
  const substreamId = random.chance(93)
    ? context?.substreamId
    : random.pick([undefined, 0, random.below(16), random.below(0x10_0000)]);
  const common = {
    streamId: random.chance(97) ? streamId : random.below(0x1_0000),
    ...(substreamId === undefined ? {} : { substreamId }),
    address,
    privileged: random.chance(50),
    instruction: random.chance(25),
  };
  if (random.chance(20)) {
    return { kind: 'translation-request', request: { ...common, noWrite: random.chance(40) } };
  }
  const write = random.chance(40);
  if (random.chance(8)) {
    const pa = random.chance(60) ? world.physical.anywhere() : address;
    const request = { ...common, address: pa, write, translated: true };
    return { kind: 'access', request };
  }
  if (implementation.ats && random.chance(40)) {
    return { kind: 'device', request: { ...common, streamId, write } };
  }
  return { kind: 'access', request: { ...common, write } };
}

/** Invalidations that miss, touch or cover what the steps leave in the device's ATC. */
export function buildInvalidations(world: World, steps: readonly Step[]): AtcInvalidation[] {
  const { random } = world;
  return [0, 1].map(() => {
    const { address, substreamId } = random.pick(steps).request;
    const tagged = random.chance(50);
    const other = random.chance(20) ? random.below(16) : undefined;
    return {
      substreamId: tagged ? (other ?? substreamId ?? 0) : undefined,
      global: random.chance(20),
      address: random.chance(60) ? address : address ^ power(random.below(64)),
      size: random.chance(70) ? random.below(30) : random.below(64),
    };
  });
}

/** Some address of at most n bits, whose low bits are those of another. */
function withLowBits(random: Random, n: number, low: bigint, lowBits: number): bigint {
  return alignDown(random.bits(n), lowBits) | BigInt.asUintN(Math.min(lowBits, n), low);
}
