import type { Finding } from '@steward/machine';
import { align } from './alignment';
import { GivenNames } from './given-names';
import { ASPECTS, linesOf } from './lines';
import type { Aspect, KeyedLine, Line, Recorded } from './lines';
import type { Edit, ForkStep } from './steps';

/** Two lines side by side; null where one history has nothing of the kind. */
export interface Row {
  readonly aspect: Aspect;
  readonly original: Line | null;
  readonly fork: Line | null;
}

/** A command from outside of which something else came. */
export interface StepDifference {
  /** Its commits in the two histories. */
  readonly original: number | null;
  readonly fork: number | null;
  readonly actor: string;
  /** Type of the command. */
  readonly command: string;
  /** Set where the difference was asked for. */
  readonly edit?: Edit;
  readonly rows: readonly Row[];
}

/** What one history did from the fork on. */
export interface SideTotals {
  commits: number;
  rejected: number;
  dma: { accesses: number; matched: number; faulted: number; mismatched: number };
  /** Windows that a host driver left open, that guests opened, and accesses that used a stale entry. */
  stale: { hostWindows: number; guestWindows: number; uses: number };
}

/** Puts two histories side by side, command by command. */
export class Comparison {
  /** Differences that were asked for, with what came of them at once. */
  readonly causes: StepDifference[] = [];
  /** All others, in order: what followed. */
  readonly differences: StepDifference[] = [];
  readonly rows: Record<Aspect, number> = Object.fromEntries(
    ASPECTS.map((aspect) => [aspect, 0]),
  ) as Record<Aspect, number>;
  readonly totals = { original: emptyTotals(), fork: emptyTotals() };
  /** Commands from outside that both histories have, and of which the same came. */
  same = 0;
  private readonly names: { readonly original: GivenNames; readonly fork: GivenNames };

  constructor() {
    const original = new GivenNames();
    this.names = { original, fork: new GivenNames(original) };
  }

  /** Compares what came of one command; either side may be empty. */
  add(step: ForkStep, original: readonly Recorded[], fork: readonly Recorded[]): void {
    const called = String(step.origin ?? step.commandId);
    for (const { commit } of original) this.names.original.learn(called, commit);
    for (const { commit } of fork) this.names.fork.learn(called, commit);
    count(this.totals.original, original);
    count(this.totals.fork, fork);
    const rows = rowsOf(
      original.flatMap((one) => linesOf(one, this.names.original)),
      fork.flatMap((one) => linesOf(one, this.names.fork)),
    );
    for (const { aspect } of rows) this.rows[aspect]++;
    const { edit } = step;
    if (rows.length === 0 && edit === undefined) {
      this.same++;
      return;
    }
    const difference = {
      original: original[0]?.commit.position ?? null,
      fork: fork[0]?.commit.position ?? null,
      actor: step.actor,
      command: step.command.type,
      ...(edit !== undefined && { edit }),
      rows,
    };
    if (edit === undefined) this.differences.push(difference);
    else this.causes.push(difference);
  }
}

/** The lines in which two sides differ; what stands in the same place is put beside each other. */
function rowsOf(original: readonly KeyedLine[], fork: readonly KeyedLine[]): Row[] {
  const keys = (side: readonly KeyedLine[]): string[] => side.map(({ key }) => key);
  const rows: Row[] = [];
  let gap: { gone: Line[]; come: Line[] } = { gone: [], come: [] };
  const close = (): void => {
    rows.push(...besideEachOther(gap.gone, gap.come));
    gap = { gone: [], come: [] };
  };
  for (const [i, j] of align(keys(original), keys(fork))) {
    if (i !== null && j !== null) close();
    else if (i !== null) gap.gone.push(original[i]!.line);
    else if (j !== null) gap.come.push(fork[j]!.line);
  }
  close();
  return rows;
}

function besideEachOther(gone: readonly Line[], come: readonly Line[]): Row[] {
  const left = [...come];
  const rows: Row[] = gone.map((original) => {
    const at = left.findIndex(({ aspect }) => aspect === original.aspect);
    const [fork = null] = at < 0 ? [] : left.splice(at, 1);
    return { aspect: original.aspect, original, fork };
  });
  return [...rows, ...left.map((fork) => ({ aspect: fork.aspect, original: null, fork }))];
}

function emptyTotals(): SideTotals {
  return {
    commits: 0,
    rejected: 0,
    dma: { accesses: 0, matched: 0, faulted: 0, mismatched: 0 },
    stale: { hostWindows: 0, guestWindows: 0, uses: 0 },
  };
}

function count(totals: SideTotals, recorded: readonly Recorded[]): void {
  for (const { commit, effects, findings } of recorded) {
    totals.commits++;
    for (const finding of findings) countFinding(totals.stale, finding);
    if (!commit.outcome.ok) totals.rejected++;
    for (const { kind, payload } of effects) {
      if (kind !== 'dma') continue;
      for (const sum of ['accesses', 'matched', 'faulted', 'mismatched'] as const) {
        totals.dma[sum] += Number(payload[sum]);
      }
    }
  }
}

function countFinding(stale: SideTotals['stale'], finding: Finding): void {
  if (finding.kind === 'use') stale.uses++;
  else if (finding.kind === 'violation') {
    if (finding.violation.rule === 'not-invalidated') stale.hostWindows++;
  } else if (finding.window.owner.kind === 'guest' && !finding.window.latent) stale.guestWindows++;
}
