import { headerAt, type Ledger } from '@steward/ledger';

/** Why a text names no position. `code`: `syntax` (not one of the forms), `missing` (no such commit), `ambiguous`. */
export class PositionError extends Error {
  override readonly name = 'PositionError';
  constructor(
    readonly code: 'syntax' | 'missing' | 'ambiguous',
    message: string,
  ) {
    super(message);
  }
}

/** The ways to name a position, for help texts. */
export const POSITION_FORMS =
  'a commit number, latest, @{-N} (N commits before the latest), commit:HASH-PREFIX, time:RFC-3339 (the last commit up to then)';

type Resolve = (argument: string, ledger: Ledger, latest: number) => number | Promise<number>;

const FORMS: readonly (readonly [RegExp, Resolve])[] = [
  [/^(\d+)$/, (text, _, latest) => within(Number(text), latest, text)],
  [/^(latest)$/, (_text, _, latest) => latest],
  [/^@\{-(\d+)\}$/, (text, _, latest) => within(latest - Number(text), latest, `@{-${text}}`)],
  [/^commit:([0-9a-f]{4,64})$/, (prefix, ledger) => byHash(prefix, ledger)],
  [/^time:(.+)$/, (text, ledger, latest) => byTime(text, ledger, latest)],
];

/**
 * The position that a text names, as things stand; the same text about the same ledger, unless it says `latest` or
 * counts from there, names the same position for ever.
 * @throws PositionError
 */
export async function resolvePosition(text: string, ledger: Ledger): Promise<number> {
  for (const [form, resolve] of FORMS) {
    const argument = form.exec(text)?.[1];
    if (argument !== undefined) return resolve(argument, ledger, await ledger.latest());
  }
  throw new PositionError('syntax', `"${text}" is not a position: ${POSITION_FORMS}`);
}

function within(position: number, latest: number, shown: string): number {
  // 0 is the empty ledger before its first commit.
  if (position >= 0 && position <= latest) return position;
  throw new PositionError('missing', `no commit ${shown}: the ledger ends at ${latest}`);
}

async function byHash(prefix: string, ledger: Ledger): Promise<number> {
  const found: number[] = [];
  for await (const { position, hash } of ledger.headers()) {
    if (hash.startsWith(prefix)) found.push(position);
  }
  const [position] = found;
  if (position === undefined) {
    throw new PositionError('missing', `no commit has a hash that begins with ${prefix}`);
  }
  if (found.length === 1) return position;
  throw new PositionError(
    'ambiguous',
    `${prefix} begins the hashes of commits ${found.join(', ')}`,
  );
}

/** Commits carry the time they were decided, in order; a clock that was set back puts later commits at its new time. */
async function byTime(text: string, ledger: Ledger, latest: number): Promise<number> {
  const time = RFC_3339.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) {
    const example = 'time:2026-01-31T12:00:00Z';
    throw new PositionError('syntax', `"${text}" is not an RFC 3339 time, as in ${example}`);
  }
  let [low, high] = [0, latest];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const at = (await headerAt(ledger, middle))?.at ?? '';
    if (Date.parse(at) <= time) low = middle;
    else high = middle - 1;
  }
  if (low === 0) throw new PositionError('missing', `no commit is as old as ${text}`);
  return low;
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;
