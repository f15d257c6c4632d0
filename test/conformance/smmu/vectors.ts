import { UnsupportedFeatureError } from '@steward/smmu';
import { Bench } from './bench';
import type { SuiteResult } from '../suite-result';
import { decodeRecord, sameEvent } from './event-comparison';
import type { AccessResult, DmaStep, EventFields, Step, Vector } from './vector-format';

export interface VectorFile {
  readonly name: string;
  /** One vector in JSON a line; empty lines are passed over. */
  readonly lines: readonly string[];
}

export interface VectorFailure {
  readonly id: string;
  /** Number of the step, from 0; absent when the vector did not get that far. */
  readonly step?: number;
  readonly expected: unknown;
  readonly actual: unknown;
}

export type VectorReport = SuiteResult<VectorFailure>;

type Mismatch = Omit<VectorFailure, 'id'>;

/**
 * Runs vectors on the hardware model: feeds their inputs, compares what comes out. A step is
 * compared with `arch` where it is `qemuSpecific`, with `expect` otherwise; any of
 * `archAlternatives`, and in a `cachingDependent` step `uncached`, is right too. A vector fails at
 * its first wrong step.
 * @param options.only run the vector with this id alone; `verbose` has no effect on what is run.
 */
export function runSmmuVectors(
  files: readonly VectorFile[],
  options: { readonly only?: string; readonly verbose?: boolean } = {},
): VectorReport {
  const failures: VectorFailure[] = [];
  const skips: { id: string; why: string }[] = [];
  let total = 0;
  for (const file of files) {
    for (const line of file.lines) {
      if (line.trim() === '') continue;
      const vector = JSON.parse(line) as Vector;
      if (options.only !== undefined && vector.id !== options.only) continue;
      total++;
      try {
        const mismatch = runVector(vector);
        if (mismatch !== undefined) failures.push({ id: vector.id, ...mismatch });
      } catch (error) {
        if (error instanceof UnsupportedFeatureError) {
          skips.push({ id: vector.id, why: error.message });
        } else {
          failures.push({ id: vector.id, expected: 'no exception', actual: String(error) });
        }
      }
    }
  }
  return {
    total,
    passed: total - failures.length - skips.length,
    failed: failures.length,
    skipped: skips.length,
    failures,
    skips,
  };
}

function runVector(vector: Vector): Mismatch | undefined {
  const bench = new Bench(vector);
  for (const [index, step] of vector.steps.entries()) {
    const mismatch = runStep(bench, step, vector.autoDrain);
    if (mismatch !== undefined) return { step: index, ...mismatch };
  }
  return undefined;
}

function runStep(bench: Bench, step: Step, autoDrain: boolean): Mismatch | undefined {
  switch (step.op) {
    case 'dma':
      return runDma(bench, step, autoDrain);
    case 'mem':
      bench.store(Number(step.addr), step.data);
      return undefined;
    case 'reg':
      bench.program(step.name, BigInt(step.value));
      return undefined;
    case 'regread': {
      const mask = step.name === 'cmdq_cons' ? bench.consumerMask() : -1n;
      const expected = { value: BigInt(step.expect.value) & mask };
      return compareNumbers(expected, { value: bench.read(step.name) & mask });
    }
    case 'cmd': {
      bench.submit([BigInt(step.words[0]), BigInt(step.words[1])]);
      const mask = bench.consumerMask();
      const expected = {
        cmdq_cons: BigInt(step.expect.cmdq_cons) & mask,
        gerror: BigInt(step.expect.gerror),
      };
      const actual = { cmdq_cons: bench.read('cmdq_cons') & mask, gerror: bench.read('gerror') };
      return compareNumbers(expected, actual);
    }
    case 'drain': {
      const events = bench.drain().map(decodeRecord);
      const same =
        events.length === step.expect.events.length &&
        events.every((event, n) => sameEvent(event, step.expect.events[n]!));
      return same ? undefined : mismatch(step.expect.events, events);
    }
  }
}

function compareNumbers(
  expected: Readonly<Record<string, bigint>>,
  actual: Readonly<Record<string, bigint>>,
): Mismatch | undefined {
  const same = Object.entries(expected).every(([name, value]) => value === actual[name]);
  return same ? undefined : mismatch(expected, actual);
}

/** What one access did, in the vectors' terms. */
interface Observed {
  readonly ok: boolean;
  readonly pa?: number;
  readonly noMemory: boolean;
  readonly events: readonly EventFields[] | undefined;
}

function runDma(bench: Bench, step: DmaStep, autoDrain: boolean): Mismatch | undefined {
  const write = step.rw === 'w';
  const outcome = bench.access(Number(step.sid), BigInt(step.iova), write);
  const observed: Observed = {
    ok: outcome.kind === 'ok',
    noMemory: outcome.kind === 'no-memory',
    ...(outcome.kind === 'ok' || outcome.kind === 'no-memory' ? { pa: outcome.pa } : {}),
    events: autoDrain ? bench.drain().map(decodeRecord) : undefined,
  };
  const permitted = permittedResults(step);
  if (!permitted.some((result) => matches(observed, result))) {
    return mismatch(permitted, observed);
  }
  if (outcome.kind !== 'ok' || step.data === undefined) return undefined;
  if (write) {
    bench.store(outcome.pa, step.data);
    return undefined;
  }
  // The recorded bytes were read at the recorded address.
  if (outcome.pa !== Number(step.expect.pa ?? NaN)) return undefined;
  const data = bench.load(outcome.pa, step.len);
  return data === step.data ? undefined : mismatch(step.data, data);
}

function permittedResults(step: DmaStep): AccessResult[] {
  const first = step.qemuSpecific === true && step.arch !== undefined ? step.arch : step.expect;
  const uncached = step.cachingDependent === true && step.uncached ? [step.uncached] : [];
  return [first, ...uncached, ...(step.archAlternatives ?? [])];
}

function matches(observed: Observed, result: AccessResult): boolean {
  const events = result.events ?? (result.event === undefined ? [] : [result.event]);
  if (observed.events !== undefined) {
    if (observed.events.length !== events.length) return false;
    if (!observed.events.every((event, n) => sameEvent(event, events[n]!))) return false;
  }
  if (result.cause === 'noMemory') return observed.noMemory && observed.pa === Number(result.pa);
  if (!result.ok) return !observed.ok && !observed.noMemory;
  // A reading of the architecture may end at an address without memory; a recording says so itself.
  const reached = observed.ok || (result.events === undefined && observed.noMemory);
  return reached && observed.pa === Number(result.pa);
}

function mismatch(expected: unknown, actual: unknown): Mismatch {
  return { expected, actual };
}
