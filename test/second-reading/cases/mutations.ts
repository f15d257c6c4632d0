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
