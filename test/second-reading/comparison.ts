import type { DeviceOutcome, Outcome, TranslationCompletion } from '@steward/smmu';
import type { Case, Step } from './cases/case';
import { damage, repair } from './cases/mutations';
import { Random } from './cases/random';
import { buildCase } from './cases/world';
import { FastMachine, secondMachine, type Ending } from './machines';
import { accessThroughAtc, invalidated, type Atc, type DeviceReading } from './reading/atc';
import type { Machine } from './reading/machine';
import { readTranslationRequest, type Completion } from './reading/translation-request';
import { terminateStream } from './reading/stalls';
import { readTransaction, type Reading, type Request } from './reading/transaction';

/** A step where the fast model and the second reading say different things. */
export interface Disagreement {
  readonly seed: number;
  /** The step's number; `again` when it was taken after memory was changed and all caches emptied. */
  readonly step: string;
  readonly request: string;
  readonly fast: string;
  readonly reading: string;
}

/** How often each outcome was reached: kind, event, stage and class. */
export type Histogram = Map<string, number>;

/**
 * Runs the steps of a case on both, then changes some words, invalidates everything, and runs them
 * again. Stops at the first disagreement, for later ones may follow from it.
 */
export function compareCase(seed: number, reached: Histogram): Disagreement | undefined {
  const world = buildCase(seed);
  const pair = { fast: new FastMachine(world), machine: secondMachine(world), atc: [] };
  return (
    compareSteps(seed, '', world, pair, reached) ??
    compareInvalidations(seed, world, pair, reached) ??
    compareTermination(seed, pair, reached) ??
    compareEndings(seed, changed(seed, world, pair), pair, reached) ??
    compareSteps(seed, ' again', world, pair, reached)
  );
}

/** The two sides of a comparison. */
interface Pair {
  readonly fast: FastMachine;
  readonly machine: Machine;
  /** The device's ATC, as the second reading has it. */
  atc: Atc;
}

/** Damages or repairs words the case is made of, in both memories, and empties the fast model's caches. */
function changed(seed: number, world: Case, { fast, machine }: Pair): Case {
  const before = new Map([...world.words.keys()].map((at) => [at, fast.read(at) ?? 0n]));
  const after = new Map(before);
  const random = new Random(~seed);
  if (random.chance(50)) damage(random, after);
  else repair(random, after, world.intact);
  for (const [at, word] of after) {
    if (word === before.get(at)) continue;
    fast.write(at, word);
    machine.memory.write(at, word);
  }
  fast.invalidateAll(machine.implementation.hyp);
  return world;
}

function compareSteps(
  seed: number,
  round: string,
  world: Case,
  pair: Pair,
  reached: Histogram,
): Disagreement | undefined {
  const { fast, machine } = pair;
  for (const [i, step] of world.steps.entries()) {
    const answers = runStep(world, pair, step, reached);
    const said = answers.fast === answers.reading ? updatedWords(world, fast, machine) : answers;
    if (said !== undefined && said.fast !== said.reading) {
      return { seed, step: `${i}${round}`, request: describeStep(step), ...said };
    }
  }
  return undefined;
}

/** Invalidates spans of the device's ATC, and in the end all of it (IHI 0070 §4.5.1). */
function compareInvalidations(
  seed: number,
  { invalidations }: Case,
  pair: Pair,
  reached: Histogram,
): Disagreement | undefined {
  const { fast, machine } = pair;
  if (!machine.implementation.ats) return undefined;
  const all = { substreamId: undefined, global: false, address: 0n, size: 52 };
  for (const command of [...invalidations, all]) {
    const before = pair.atc.length;
    pair.atc = invalidated(machine, pair.atc, command);
    fast.invalidateAtc(command);
    if (before > 0)
      count(reached, { kind: pair.atc.length < before ? 'less' : 'same' }, 'ATC_INV:');
    const said = { fast: fast.cachedOf(pair.atc), reading: listed(pair.atc) };
    const request = describeFields('ATC_INV', command);
    if (said.fast !== said.reading) return { seed, step: 'invalidation', request, ...said };
  }
  return undefined;
}

const listed = (atc: Atc): string => `${atc.length} of ${atc.length}`;

/** Terminates the stalls of one stream, in every fourth case (§4.7.2). */
function compareTermination(
  seed: number,
  { fast }: Pair,
  reached: Histogram,
): Disagreement | undefined {
  const stalled = fast.smmu.stalledTransactions().map(({ transaction }) => transaction);
  if (seed % 4 !== 0 || stalled.length === 0) return undefined;
  const streamId = stalled[seed % stalled.length]!.streamId + (seed % 5 === 0 ? 1 : 0);
  const { ended, left } = terminateStream(stalled, streamId);
  const outcomes = fast.terminateStream(streamId);
  for (const reading of ended) count(reached, reading, 'STALL_TERM:');
  const describe = (ends: readonly (Outcome | Reading)[], waiting: readonly Request[]): string =>
    [...ends.map(describeOutcome), ...waiting.map((t) => `${t.streamId} waits`)].join(', ');
  const waiting = fast.smmu.stalledTransactions().map(({ transaction }) => transaction);
  const said = { fast: describe(outcomes, waiting), reading: describe(ended, left) };
  if (said.fast === said.reading) return undefined;
  return { seed, step: 'termination', request: `STALL_TERM ${streamId}`, ...said };
}

/** Ends every stall, some by a retry, which meets the changed memory (IHI 0070 §3.12.2, §4.7.1). */
function compareEndings(
  seed: number,
  world: Case,
  { fast, machine }: Pair,
  reached: Histogram,
): Disagreement | undefined {
  for (const { stag, transaction } of [...fast.smmu.stalledTransactions()]) {
    const ending = (['retry', 'retry', 'abort', 'raz-wi'] as const)[(seed + stag) & 3]!;
    const outcome = fast.resume(transaction.streamId, stag, ending);
    const reading = ended(machine, transaction, ending);
    count(reached, reading, `${ending}:`);
    const said = {
      fast: outcome === undefined ? 'still stalled' : describeOutcome(outcome),
      reading: describeOutcome(reading),
    };
    const found = said.fast === said.reading ? updatedWords(world, fast, machine) : said;
    const request = describeStep({ kind: 'access', request: transaction });
    if (found !== undefined) return { seed, step: ending, request, ...found };
  }
  return undefined;
}

function ended(machine: Machine, request: Request, ending: Ending): Reading {
  if (ending === 'retry') return readTransaction(machine, request);
  return { kind: machine.implementation.abortOnly ? 'abort' : ending };
}

function runStep(
  world: Case,
  pair: Pair,
  step: Step,
  reached: Histogram,
): { fast: string; reading: string } {
  const { fast, machine } = pair;
  if (step.kind === 'device') return runDevice(world, pair, step.request, reached);
  if (step.kind === 'translation-request') {
    const completion = readTranslationRequest(machine, step.request);
    count(reached, completion, 'request:');
    const answer = fast.smmu.translationRequest(step.request);
    const asked = step.request.noWrite;
    if (completion.kind === 'no-access') adoptUpdates(world, fast, machine);
    return {
      fast: describeCompletion(answer, asked, completion),
      reading: describeCompletion(completion, asked, completion),
    };
  }
  const reading = readTransaction(machine, step.request);
  count(reached, reading, step.request.translated === true ? 'translated:' : '');
  const outcome = fast.smmu.access(step.request);
  return {
    fast: describeOutcome(outcome),
    reading: describeOutcome(reading),
  };
}

/** The device's own access. The reading takes the size, and W under NW=1, that the model granted it. */
function runDevice(
  world: Case,
  pair: Pair,
  request: Request,
  reached: Histogram,
): { fast: string; reading: string } {
  const { fast, machine, atc } = pair;
  const { outcome, completion } = fast.accessByDevice(request);
  const reading = accessThroughAtc(machine, atc, request, (granted) => {
    if (completion?.kind !== 'success') return granted;
    const { writable } = request.write ? granted : completion;
    return { sizeLog2: Math.min(completion.sizeLog2, granted.sizeLog2), writable };
  });
  const asked = completion === undefined ? 'device:cached ' : 'device:';
  count(reached, reading.kind === 'denied' ? reading.completion : reading, asked);
  const denied = reading.kind === 'denied' ? reading.completion : undefined;
  if (denied?.kind === 'no-access') adoptUpdates(world, fast, machine);
  const allowed = denied ?? { kind: 'no-access' };
  const describe = (end: DeviceOutcome | DeviceReading): string =>
    end.kind === 'denied'
      ? `denied ${describeCompletion(end.completion, !request.write, allowed)}`
      : describeOutcome(end);
  return {
    fast: `${describe(outcome)}, ${fast.cachedOf(atc)}`,
    reading: `${describe(reading)}, ${listed(atc)}`,
  };
}

/** W is free under NW=1 (IHI 0070 §13.7), and a size may be any up to the largest allowed. */
function describeCompletion(
  answer: TranslationCompletion | Completion,
  noWrite: boolean,
  allowed: Completion,
): string {
  if (answer.kind === 'no-access') return answer.kind;
  if (answer.kind !== 'success') return `${answer.kind} ${hex(answer.event)}`;
  const size = sizeFits(answer.sizeLog2, allowed) ? 'fits' : 'too large';
  const write = noWrite ? '?' : String(answer.writable);
  const address = answer.address.toString(16);
  return `${address} ${size} R ${answer.readable} W ${write} X ${answer.executable} P ${answer.privileged}`;
}

function sizeFits(sizeLog2: number, allowed: Completion): boolean {
  return allowed.kind === 'success' && sizeLog2 >= 12 && sizeLog2 <= allowed.sizeLog2;
}

/** Access flags of a refused page are UNKNOWN (IHI 0070 §3.13.2): the reading takes the model's. */
function adoptUpdates(world: Case, fast: FastMachine, machine: Machine): void {
  for (const at of world.words.keys()) {
    const word = fast.read(at);
    if (word !== undefined) machine.memory.write(at, word);
  }
}

/** The first word that hardware updates left different (IHI 0070 §3.13), if there is one. */
function updatedWords(
  world: Case,
  fast: FastMachine,
  machine: Machine,
): { fast: string; reading: string } | undefined {
  for (const at of world.words.keys()) {
    const [ours, theirs] = [fast.read(at), machine.memory.read(at)];
    if (ours === theirs) continue;
    const told = (word: bigint | undefined): string => `${at.toString(16)}: ${word?.toString(16)}`;
    return { fast: told(ours), reading: told(theirs) };
  }
  return undefined;
}

const hex = (words: readonly bigint[] | undefined): string =>
  words === undefined ? 'silent' : words.map((word) => word.toString(16)).join(' ');

/** STAGs are the SMMU's choice (IHI 0070 §3.12.2): they count as 0. */
function withoutStag(event: readonly bigint[]): bigint[] {
  return event.map((word, i) => (i === 1 ? word & ~0xffffn : word));
}

function describeOutcome(outcome: Outcome | Reading): string {
  switch (outcome.kind) {
    case 'ok': {
      const rights = `${outcome.readable ? 'r' : '-'}${outcome.writable ? 'w' : '-'}`;
      const { attr, shareability } = outcome.attributes;
      return `ok ${outcome.pa.toString(16)} ${rights} attr ${attr.toString(16)} SH ${shareability}`;
    }
    case 'no-memory':
      return `no-memory ${outcome.pa.toString(16)}`;
    case 'stalled':
      return `stalled ${hex(withoutStag(outcome.event))}`;
    default:
      return `${outcome.kind} ${hex(outcome.event)}`;
  }
}

function describeStep({ kind, request }: Step): string {
  return describeFields(kind, request);
}

function describeFields(kind: string, fields: object): string {
  const named = Object.entries(fields).map(([name, value]) =>
    typeof value === 'bigint' ? `${name}=0x${value.toString(16)}` : `${name}=${value}`,
  );
  return [kind, ...named].join(' ');
}

const CLASS_NAME = ['CD', 'TT', 'IN', '?'] as const;

/** Counts a reading under its kind, event number and, for faults of a walk, stage and class. */
function count(
  reached: Histogram,
  reading: Reading | Completion | { readonly kind: 'less' | 'same' },
  how = '',
): void {
  const event = eventKey('event' in reading ? reading.event : undefined);
  const key = how + [reading.kind, ...event].join(' ');
  reached.set(key, (reached.get(key) ?? 0) + 1);
}

function eventKey(event: readonly bigint[] | undefined): string[] {
  if (event === undefined) return [];
  const number = event[0]! & 0xffn;
  const name = `0x${number.toString(16).padStart(2, '0')}`;
  if (number < 0x0bn) return [name];
  const stage = (event[1]! >> 39n) & 1n ? 'S2' : 'S1';
  return [name, stage, CLASS_NAME[Number((event[1]! >> 40n) & 3n)]!];
}
