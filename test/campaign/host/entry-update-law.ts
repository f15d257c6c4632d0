import type { EntryRules, EntryUpdate, EntryWords } from '@steward/host';
import type { EntryPair } from './entries';

/**
 * What an update from one entry to another does wrong, or undefined. The law (Linux `arm_smmu_write_entry` and its KUnit
 * suite): at each sync the entry works like the old or like the new one, unless the update is not hitless, when it may
 * also be invalid. It holds for every mix of dwords between two syncs too, as hardware may fetch the entry while they are
 * written one by one.
 */
export function breach(
  { steps, hitless }: EntryUpdate,
  rules: EntryRules,
  [current, target]: EntryPair,
): string | undefined {
  // Nothing but its valid bit is looked at in an entry of zeros.
  const valid = rules.usedBits(current.map(() => 0n));
  const isValid = (entry: EntryWords): boolean =>
    entry.some((word, i) => (word & valid[i]!) !== 0n);
  const safe = sharedSafeBits(rules, current, target);
  const works = (entry: EntryWords): boolean =>
    sameUse(rules, safe, entry, current) || sameUse(rules, safe, entry, target);

  let before = current;
  for (const [n, entry] of steps.entries()) {
    if (entry.every((word, i) => word === before[i])) return `sync ${n} changes nothing`;
    for (const mix of mixes(before, entry)) {
      if (works(mix)) continue;
      if (isValid(mix)) return `between sync ${n - 1} and ${n}: ${text(mix)} is neither`;
      if (hitless) return `between sync ${n - 1} and ${n}: invalid in a hitless update`;
    }
    before = entry;
  }
  if (before.some((word, i) => word !== target[i])) return `ends at ${text(before)}`;
  const everValid = steps.every(isValid);
  return hitless === everValid ? undefined : `calls itself ${hitless ? '' : 'not '}hitless`;
}

/** A bit is safe only where both entries use it: what one alone uses is ordered like any other. */
function sharedSafeBits(rules: EntryRules, current: EntryWords, target: EntryWords): bigint[] {
  const [currentUsed, targetUsed] = [rules.usedBits(current), rules.usedBits(target)];
  return rules.safeBits(current, target).map((word, i) => word & currentUsed[i]! & targetUsed[i]!);
}

/** Whether an entry equals a model in every bit that either of them uses. */
function sameUse(
  rules: EntryRules,
  safe: readonly bigint[],
  entry: EntryWords,
  model: EntryWords,
): boolean {
  const [used, modelUsed] = [rules.usedBits(entry), rules.usedBits(model)];
  return entry.every(
    (word, i) => ((word ^ model[i]!) & (used[i]! | modelUsed[i]!) & ~safe[i]!) === 0n,
  );
}

/** Every entry hardware can see while `after` replaces `before` dword by dword, in any order. */
function* mixes(before: EntryWords, after: EntryWords): Generator<EntryWords> {
  const changed = before.flatMap((word, i) => (word === after[i] ? [] : [i]));
  for (let chosen = 1; chosen < 2 ** changed.length; chosen++) {
    const mix = [...before];
    for (const [bit, i] of changed.entries()) if ((chosen >> bit) & 1) mix[i] = after[i]!;
    yield mix;
  }
}

function text(entry: EntryWords): string {
  return entry.map((word) => word.toString(16)).join(' ');
}
