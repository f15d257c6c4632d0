import type { Fields } from './fields';
import type { Random } from './random';

type Edge = (random: Random, fields: Fields) => void;

const SIZES = [10, 11, 12, 15, 16, 17, 24, 25, 38, 39, 40, 46, 47, 48, 49];

/** Values at and beyond the limits of one field of an STE, where random bits seldom fall. */
const STE_EDGES: readonly Edge[] = [
  (random, ste) => ste.set(165, 160, random.pick(SIZES)),
  (random, ste) => ste.set(165, 160, 64 - random.pick([32, 36, 40, 42, 44, 48, 52])),
  (random, ste) => ste.set(167, 166, random.below(4)),
  (random, ste) => {
    ste.set(165, 160, 64 - random.pick([32, 36, 40, 42, 44, 48])).set(167, 166, 2);
  },
  (random, ste) => ste.set(175, 174, random.below(4)),
  (random, ste) => ste.set(178, 176, random.below(8)),
  (random, ste) => ste.set(184, 183, random.below(4)),
  (random, ste) => ste.set(186, 185, random.below(4)),
  (random, ste) => ste.set(180, 180, random.below(2)),
  (random, ste) => ste.set(5, 4, random.below(4)),
  (random, ste) => ste.set(63, 59, random.below(32)),
  (random, ste) => ste.set(65, 64, random.below(4)),
  (random, ste) => ste.set(91, 91, random.below(2)),
  (random, ste) => ste.set(93, 92, random.below(4)),
  (random, ste) => ste.set(151, 136, random.below(256)),
  (random, ste) => ste.set(243, 228, 2 ** random.below(16)),
  (random, ste) => ste.set(55, 38, 2 ** random.below(18)),
];

/** The same of a CD. */
const CD_EDGES: readonly Edge[] = [
  (random, cd) => cd.set(5, 0, random.pick(SIZES)),
  (random, cd) => cd.set(21, 16, random.pick(SIZES)),
  (random, cd) => cd.set(7, 6, random.below(4)),
  (random, cd) => cd.set(23, 22, random.below(4)),
  (random, cd) => cd.set(34, 32, random.below(8)),
  (random, cd) => cd.set(43, 42, random.below(4)),
  (random, cd) => cd.set(46, 44, random.below(8)),
  (random, cd) => cd.set(15, 15, random.below(2)),
  (random, cd) => cd.set(63, 56, random.below(256)),
  (random, cd) => cd.set(14, 14, 1).set(5, 0, random.below(64)).set(7, 6, random.below(4)),
  (random, cd) => cd.set(30, 30, 1).set(21, 16, random.below(64)).set(23, 22, random.below(4)),
  (random, cd) => cd.set(115, 100, 2 ** random.below(16)),
  (random, cd) => cd.set(179, 164, 2 ** random.below(16)),
];

/** Puts one field of an STE at its edge, now and then. */
export function edgeSte(random: Random, ste: Fields): void {
  if (random.chance(15)) random.pick(STE_EDGES)(random, ste);
}

/** Puts one field of a CD at its edge, now and then. */
export function edgeCd(random: Random, cd: Fields): void {
  if (random.chance(15)) random.pick(CD_EDGES)(random, cd);
}
