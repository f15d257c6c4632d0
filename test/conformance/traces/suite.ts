import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { hasStage1, type Recording } from '@steward/guest';
import {
  checkEvents,
  CmdqError,
  crossCheck,
  importQemuTrace,
  parseCmdq,
  parseTrace,
  TraceError,
  UnsupportedTrace,
  type Finding,
  type RecordedQueue,
} from '@steward/interop';
import type { SuiteResult } from '../suite-result';

/** Something that did not end as recorded. `step` names the place, e.g. `nvme_probe STE 0x10`. */
export interface PlayFailure {
  readonly step: string;
  readonly expected: string;
  readonly actual: string;
}

/** How many of one kind were compared, and which of them differed. */
export interface Comparison {
  readonly checked: number;
  readonly failures: readonly PlayFailure[];
}

/** What playing one recording through the pipeline gave. */
export interface PlayResult {
  /** One comparison per `dma` step of the recording. */
  readonly dma: Comparison;
  /** One per STE that a `phase-end` step of the recording holds. */
  readonly phaseEndStes: Comparison;
}

export interface TraceSuiteOptions {
  /** Plays a recording under nested translation; the suite knows nothing of how. */
  readonly play: (recording: Recording) => Promise<PlayResult>;
  /** Plays a recording whose SMMU has stage 2 alone (IDR0.S1P = 0), on an SMMU of its own. */
  readonly playBare: (recording: Recording) => PlayResult;
  /** File stem of the only recording to run. */
  readonly only?: string;
}

export interface SuiteFailure {
  readonly id: string;
  readonly step?: string;
  readonly expected: string;
  readonly actual: string;
}

/** The suite's part of the conformance runner's answer. `total` counts commands, translations and phase-end STEs. */
export interface TraceSuiteResult extends SuiteResult<SuiteFailure> {
  readonly suite: 'traces';
  readonly files: number;
}

/** What one recording adds to the result. */
interface FileResult {
  readonly total: number;
  readonly failed: number;
  readonly failures: readonly SuiteFailure[];
  readonly skip?: string;
}

const TRACE_SUFFIX = '.qemu-trace.txt.gz';
const CMDQ_SUFFIX = '.cmdq.json.gz';

/** Cross-checks and plays every trace under `paths` (files, or directories searched one level deep). */
export async function runTraceSuite(
  paths: readonly string[],
  options: TraceSuiteOptions,
): Promise<TraceSuiteResult> {
  const files = findTraces(paths).filter(
    (file) => options.only === undefined || stemOf(file) === options.only,
  );
  const failures: SuiteFailure[] = [];
  const skips: { id: string; why: string }[] = [];
  let total = 0;
  let failed = 0;
  for (const file of files) {
    const result = await runFile(file, options);
    total += result.total;
    failed += result.failed;
    failures.push(...result.failures);
    if (result.skip !== undefined) skips.push({ id: stemOf(file), why: result.skip });
  }
  return {
    suite: 'traces',
    files: files.length,
    total,
    passed: total - failed,
    failed,
    skipped: skips.length,
    failures,
    skips,
  };
}

/** The traces among `paths`, each once, in order. */
export function findTraces(paths: readonly string[]): string[] {
  const found = paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return path.endsWith(TRACE_SUFFIX) ? [path] : [];
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
      const inner = join(path, entry.name);
      return entry.isDirectory() ? readdirSync(inner).map((name) => join(inner, name)) : [inner];
    });
  });
  return [...new Set(found.filter((path) => path.endsWith(TRACE_SUFFIX)))].sort();
}

async function runFile(file: string, players: Players): Promise<FileResult> {
  const id = stemOf(file);
  const cmdqFile = `${file.slice(0, -TRACE_SUFFIX.length)}${CMDQ_SUFFIX}`;
  if (!existsSync(cmdqFile)) return unusable(id, `${basename(cmdqFile)} beside it`, 'no such file');
  let read: { readonly trace: string; readonly cmdq: unknown };
  let queues: readonly RecordedQueue[];
  try {
    read = { trace: readText(file), cmdq: readJson(cmdqFile) };
    queues = parseCmdq(read.cmdq);
  } catch (error) {
    return unusableInput(id, error);
  }
  const parts: Part[] = [];
  for (const [smmu, queue] of queues.entries()) {
    const input = { ...read, name: id, smmu };
    let checked: Checked;
    try {
      checked = queue.phases.length === 0 ? checkHost(read.trace, queue) : importGuest(input);
    } catch (error) {
      return unusableInput(id, error);
    }
    parts.push(...checked.parts);
    if (checked.recording !== undefined) parts.push(...(await played(checked.recording, players)));
  }
  return {
    total: parts.reduce((sum, part) => sum + part.total, 0),
    failed: parts.reduce((sum, part) => sum + part.failed, 0),
    failures: parts.flatMap((part) => part.failures.map((failure) => ({ id, ...failure }))),
  };
}

type Players = Pick<TraceSuiteOptions, 'play' | 'playBare'>;

/** The part of the comparison that needs no player, and what is left to play. */
interface Checked {
  readonly parts: readonly Part[];
  readonly recording?: Recording;
}

function importGuest(input: Parameters<typeof importQemuTrace>[0]): Checked {
  const { recording, report } = importQemuTrace(input);
  return { recording, parts: [commandPart(report.commands, report.findings)] };
}

/** A recording without phases shows the host's side of an SMMU: its lines are compared, nothing is played. */
function checkHost(text: string, queue: RecordedQueue): Checked {
  const trace = parseTrace(text);
  const { commands, findings } = crossCheck(trace, queue.commands);
  const events = checkEvents(trace, queue);
  const failures = events.map(({ event, line, field, text: actual, raw: expected }) => ({
    step: `event ${event} (line ${line}) ${field}`,
    expected,
    actual,
  }));
  // Events are not counted among the comparisons, so only one that differs adds to them.
  const wrong = new Set(events.map(({ event }) => event)).size;
  return { parts: [commandPart(commands, findings), { total: wrong, failed: wrong, failures }] };
}

async function played(recording: Recording, { play, playBare }: Players): Promise<Part[]> {
  const { dma, phaseEndStes } = hasStage1(recording) ? await play(recording) : playBare(recording);
  const translations = recording.steps.filter((step) => step.kind === 'dma').length;
  return [
    playedPart('translations', translations, dma),
    playedPart('phase-end STEs', phaseEndStesOf(recording), phaseEndStes),
  ];
}

/** What a file that cannot be read adds to the result. @throws any other error. */
function unusableInput(id: string, error: unknown): FileResult {
  if (error instanceof UnsupportedTrace) {
    return { total: 0, failed: 0, failures: [], skip: error.message };
  }
  if (isDamage(error)) return unusable(id, 'a sound recording', error.message);
  throw error;
}

interface Part {
  readonly total: number;
  readonly failed: number;
  readonly failures: readonly PlayFailure[];
}

/** A command fails once, however many of its fields differ. */
function commandPart(commands: number, findings: readonly Finding[]): Part {
  return {
    total: commands,
    failed: new Set(findings.map(({ command }) => command)).size,
    failures: findings.map(({ line, command, field, text, raw }) => ({
      step: `command ${command} (line ${line}) ${field}`,
      expected: raw,
      actual: text,
    })),
  };
}

/** What was not compared at all has failed too: a player that leaves steps out must not look better for it. */
function playedPart(what: string, total: number, played: Comparison): Part {
  const missing = Math.max(total - played.checked, 0);
  const left: PlayFailure[] =
    played.checked === total
      ? []
      : [{ step: what, expected: `${total} compared`, actual: `${played.checked} compared` }];
  const failed = Math.max(played.failures.length + missing, left.length);
  return {
    total,
    failed: Math.min(failed, total),
    failures: [...played.failures, ...left],
  };
}

function phaseEndStesOf(recording: Recording): number {
  return recording.steps.reduce(
    (sum, step) => sum + (step.kind === 'phase-end' ? step.stes.size : 0),
    0,
  );
}

function unusable(id: string, expected: string, actual: string): FileResult {
  return { total: 1, failed: 1, failures: [{ id, expected, actual }] };
}

/** A file that is not gzip, or was cut off, or does not hold JSON. */
class DamagedFile extends Error {}

const DAMAGE = [DamagedFile, TraceError, CmdqError];

function isDamage(error: unknown): error is Error {
  return DAMAGE.some((kind) => error instanceof kind);
}

function readText(file: string): string {
  const bytes = readFileSync(file);
  try {
    return gunzipSync(bytes).toString('utf8');
  } catch (error) {
    throw new DamagedFile(`${basename(file)}: expected a whole gzip file (${String(error)})`);
  }
}

function readJson(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DamagedFile(`${basename(file)}: expected JSON (${String(error)})`);
  }
}

function stemOf(file: string): string {
  return basename(file).slice(0, -TRACE_SUFFIX.length);
}
