import { power } from '../reading/bits';
import type { Random } from './random';

/** Flips one to three bits somewhere in the words a case is made of. */
export function damage(random: Random, words: Map<bigint, bigint>): void {
  const places = [...words.keys()];
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.pick(places);
    words.set(at, words.get(at)! ^ power(random.below(64)));
  }
}

/**
 * What a driver might do about faults: puts back the words as they were before any damage, and opens
 * some descriptors to access (AF, AP[1] or S2AP[0]; AP[2] or S2AP[1] either way).
 */
export function repair(
  random: Random,
  words: Map<bigint, bigint>,
  intact: ReadonlyMap<bigint, bigint>,
): void {
  for (const [at, word] of intact) {
    const opened = (word & 1n) === 1n && random.chance(40);
    const bits = opened ? power(10) | power(6) | (random.bits(1) << 7n) : 0n;
    words.set(at, opened ? (word & ~power(7)) | bits : word);
  }
}
