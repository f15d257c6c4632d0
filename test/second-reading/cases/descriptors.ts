import type { Random } from './random';

const AF = 1n << 10n;
const DBM = 1n << 51n;

/** Attributes of a stage-1 leaf. */
export function stage1Leaf(random: Random): bigint {
  let leaf = BigInt(random.below(8)) << 2n;
  leaf |= BigInt(random.pick([0, 1, 1, 1, 2, 3])) << 6n;
  leaf |= BigInt(random.pick([0, 2, 3])) << 8n;
  if (random.chance(85)) leaf |= AF;
  if (random.chance(70)) leaf |= 1n << 11n;
  if (random.chance(40)) leaf |= DBM;
  if (random.chance(20)) leaf |= 1n << 53n;
  if (random.chance(20)) leaf |= 1n << 54n;
  return leaf;
}

/** Attributes of a stage-2 leaf; `kind` of one that maps tables leans to what works. */
export function stage2Leaf(random: Random, kind: 'data' | 'tables', forced: boolean): bigint {
  const table = kind === 'tables';
  const types = forced
    ? table && random.chance(95)
      ? [5, 6, 7]
      : [0, 1, 2, 3, 5, 6, 7]
    : table && random.chance(95)
      ? [5, 10, 15, 6, 13]
      : [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15];
  let leaf = BigInt(random.pick(types)) << 2n;
  // With FWB, MemAttr[3] is RES0.
  if (forced && random.chance(15)) leaf |= 1n << 5n;
  const access = table && random.chance(97) ? [1, 3, 3, 3] : [0, 1, 2, 3, 3, 3, 3];
  leaf |= BigInt(random.pick(access)) << 6n;
  leaf |= BigInt(random.pick([0, 2, 3])) << 8n;
  if (random.chance(table ? 95 : 85)) leaf |= AF;
  if (random.chance(40)) leaf |= DBM;
  leaf |= BigInt(random.pick([0, 0, 0, 1, 2, 3])) << 53n;
  return leaf;
}
