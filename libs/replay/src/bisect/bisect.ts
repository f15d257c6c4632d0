/** What a probe says of a position: the change is not there yet, is there, or can't be told. */
export type Verdict = 'good' | 'bad' | 'skip';

export interface Probe {
  readonly position: number;
  readonly verdict: Verdict;
}

export interface BisectResult {
  /** The first bad position; null when only skipped positions are left. */
  readonly first: number | null;
  /** The last good position and the first bad one that were seen; the change lies between them. */
  readonly good: number;
  readonly bad: number;
  /** Every probe, in order, those that were known before included. */
  readonly probes: readonly Probe[];
}

/** The bounds say nothing: the predicate already holds at the good one, or does not yet at the bad one. */
export class BisectBoundsError extends Error {
  override readonly name = 'BisectBoundsError';
}

/**
 * Finds the first bad position in (good, bad] with about log₂ of their distance in probes. Assumes that once bad
 * stays bad; where it comes and goes, one of the places where it came is found.
 * @param probe decides one position.
 * @param options.known probes of an earlier, interrupted run; they are not asked again.
 * @param options.onProbe called after each new probe, so that it can be kept.
 * @throws BisectBoundsError
 */
export async function bisect(
  bounds: { readonly good: number; readonly bad: number },
  probe: (position: number) => Promise<Verdict>,
  options: {
    readonly known?: readonly Probe[];
    readonly onProbe?: (probe: Probe, left: number) => void;
  } = {},
): Promise<BisectResult> {
  let { good, bad } = bounds;
  if (good >= bad) throw new BisectBoundsError(`good (${good}) must lie before bad (${bad})`);
  const probes: Probe[] = [...(options.known ?? [])];
  const verdicts = new Map(probes.map(({ position, verdict }) => [position, verdict]));
  const ask = async (position: number): Promise<Verdict> => {
    const known = verdicts.get(position);
    if (known !== undefined) return known;
    const verdict = await probe(position);
    verdicts.set(position, verdict);
    probes.push({ position, verdict });
    options.onProbe?.({ position, verdict }, stepsFor(bad - good));
    return verdict;
  };
  if ((await ask(bad)) !== 'bad') throw new BisectBoundsError(`it does not hold at ${bad}`);
  if ((await ask(good)) !== 'good') throw new BisectBoundsError(`it holds already at ${good}`);
  for (;;) {
    const position = nextProbe(good, bad, verdicts);
    if (position === undefined) break;
    const verdict = await ask(position);
    if (verdict === 'good') good = position;
    if (verdict === 'bad') bad = position;
  }
  return { first: bad - good === 1 ? bad : null, good, bad, probes };
}

/** The position nearest to the middle that is not known to be undecidable. */
function nextProbe(
  good: number,
  bad: number,
  verdicts: ReadonlyMap<number, Verdict>,
): number | undefined {
  const middle = Math.floor((good + bad) / 2);
  for (let distance = 0; distance < bad - good; distance++) {
    for (const position of [middle + distance, middle - distance]) {
      if (position <= good || position >= bad) continue;
      if (verdicts.get(position) !== 'skip') return position;
    }
  }
  return undefined;
}

/** How many probes a distance still takes, at most. */
export function stepsFor(distance: number): number {
  return distance <= 1 ? 0 : Math.ceil(Math.log2(distance));
}
