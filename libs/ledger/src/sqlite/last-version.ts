/**
 * The last version of a stream, 0 when it has none, found with few questions: versions are 1, 2, 3
 * … without gaps, and their index has the version before the stream.
 * @param has whether the stream has an event of that version.
 */
export function lastVersion(has: (version: number) => boolean): number {
  let there = 0;
  let missing = 1;
  while (has(missing)) {
    there = missing;
    missing *= 2;
  }
  while (missing - there > 1) {
    const middle = Math.floor((there + missing) / 2);
    if (has(middle)) there = middle;
    else missing = middle;
  }
  return there;
}
