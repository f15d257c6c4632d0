import type { SmmuConfiguration } from '@steward/smmu';
import type { Random } from './random';

type Idr = SmmuConfiguration['idr'];

/** Identification registers of some SMMU that the model can be. */
export function randomIdentification(random: Random): Idr {
  const flag = (at: number, percent: number): number => (random.chance(percent) ? 2 ** at : 0);
  const stages = random.pick([3, 3, 3, 3, 3, 3, 1, 2]);
  const idr0 =
    stages +
    2 * 4 +
    random.pick([0, 1, 2, 2]) * 2 ** 6 +
    flag(9, 50) +
    flag(10, 70) +
    flag(11, 20) +
    flag(12, 70) +
    flag(18, 70) +
    flag(19, 75) +
    random.pick([0, 0, 2, 2, 3]) * 2 ** 21 +
    random.pick([0, 0, 1, 1, 2]) * 2 ** 24 +
    flag(23, 60) +
    flag(26, 40) +
    flag(27, 70);
  const idr1 =
    random.pick([6, 8, 12, 16]) +
    random.pick([0, 4, 8, 12, 20]) * 2 ** 6 +
    8 * 2 ** 16 +
    8 * 2 ** 21 +
    flag(26, 60) +
    flag(27, 60);
  const idr3 =
    flag(2, 70) +
    flag(4, 60) +
    flag(8, 60) +
    flag(9, 50) +
    flag(10, 50) +
    random.pick([0, 1, 2]) * 2 ** 11 +
    flag(13, 60) +
    flag(14, 50);
  const granules = random.pick([7, 7, 7, 1, 5, 2, 4, 3]);
  const idr5 = random.pick([0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 6]) + granules * 2 ** 4 + flag(10, 50);
  return [idr0, idr1, 0, idr3, 0, idr5];
}
