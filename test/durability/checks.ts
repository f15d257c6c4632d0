import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { seeded } from '../seeded';
import {
  acknowledgedIn,
  acknowledgements,
  faultAfterCrash,
  type Acknowledged,
} from './acknowledged';
import { readCallLog, type FileCall } from './call-log';
import { DiskAtRisk, type DiskImage } from './power-loss';
import { append, type Interference } from './watched-process';

/** Something that did not survive as it must. */
export interface DurabilityFault {
  /** Which call, state or run, so that it can be repeated. */
  readonly at: string;
  readonly fault: string;
}

/** What a check came to. */
export interface DurabilityReport {
  /** Crash points, disk states or runs that were looked at. */
  readonly points: number;
  readonly faults: readonly DurabilityFault[];
}

type Progress = (done: number, total: number) => void;

/** What the appender does in a run. */
export interface Workload {
  readonly commits: number;
  /** Length of the WAL from which on a thread folds it into the file beside the writer; without it, none does. */
  readonly foldBytes?: number;
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  // In memory where there is such a folder: what survives is a matter of the calls, not of the disk below.
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = mkdtempSync(join(memory, 'steward-durability-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const LANES_PER_CORE = 2;

/**
 * Does `work` for 0, 1, 2 … up to before `count`, several at a time: the time goes into starting processes, and
 * into their waiting for a disk that refuses. What it finds comes in the order of the numbers.
 */
async function forEach(
  count: number,
  work: (n: number) => Promise<DurabilityFault | undefined>,
  progress?: Progress,
): Promise<DurabilityReport> {
  const found = new Map<number, DurabilityFault>();
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      const fault = await work(n);
      if (fault !== undefined) found.set(n, fault);
      progress?.(++done, count);
    }
  };
  await Promise.all(Array.from({ length: LANES_PER_CORE * availableParallelism() }, lane));
  const faults = [...found].sort(([a], [b]) => a - b).map(([, fault]) => fault);
  return { points: count, faults };
}

/** The calls of one undisturbed run over a new ledger. */
export async function recordedCalls(folder: string, work: Workload): Promise<FileCall[]> {
  const file = join(folder, 'ledger.db');
  const log = join(folder, 'calls');
  const { code, stderr } = await append(file, { ...work, log });
  if (code !== 0) throw new Error(`the appender ended with ${code}: ${stderr}`);
  return readCallLog(readFileSync(log));
}

const isAck = ({ path }: FileCall): boolean => path.endsWith('.acks');

/**
 * Kills the appender at every `step`-th system call of a run, before the call and half-way through a write, and looks
 * at what it left.
 */
export function checkKills(
  options: Workload & { readonly points: number },
  progress?: Progress,
): Promise<DurabilityReport> {
  const { points, ...work } = options;
  return inFolder(async (folder) => {
    const calls = (await recordedCalls(folder, work)).filter((call) => !isAck(call)).length;
    return forEach(
      points,
      async (i) => {
        const at = 1 + (Math.floor((i * calls) / points) % calls);
        const interfere: Interference = { mode: i % 2 === 0 ? 'kill' : 'tear', at };
        const fault = await afterRun(join(folder, `kill-${i}.db`), work, interfere);
        return fault === undefined ? undefined : { at: `${interfere.mode} at call ${at}`, fault };
      },
      progress,
    );
  });
}

async function afterRun(
  file: string,
  work: Workload,
  interfere: Interference,
): Promise<string | undefined> {
  const { code, stderr } = await append(file, { ...work, interfere });
  const { commits: acknowledged, ended } = acknowledgements(file);
  // A fault while the ledger is being opened ends the process with a message; nothing was acknowledged then.
  const isGone = code === null || (code === 3 && acknowledged.length === 0);
  if (!isGone && !(code === 0 && ended)) return `the process ended with ${code}: ${stderr}`;
  const fault = await faultAfterCrash(file, acknowledged);
  removeLedger(file);
  return fault;
}

function removeLedger(file: string): void {
  for (const name of readdirSync(join(file, '..'))) {
    if (name.startsWith(basename(file))) rmSync(join(file, '..', name));
  }
}

const EIO = 5;
const ENOSPC = 28;

/**
 * Lets the first, second, third … call fail (EIO, ENOSPC for a while, short writes) until a run meets none: refusals are
 * allowed, losses are not, and once calls succeed again every commit is taken.
 */
export function checkIoErrors(
  options: Workload & { readonly step: number },
  progress?: Progress,
): Promise<DurabilityReport> {
  const { step, ...work } = options;
  const kinds: readonly Omit<Interference, 'at'>[] = [
    { mode: 'fail', errno: EIO },
    { mode: 'fail', errno: ENOSPC, count: 5 },
    { mode: 'short' },
  ];
  return inFolder(async (folder) => {
    const calls = (await recordedCalls(folder, work)).filter((call) => !isAck(call)).length;
    return forEach(
      Math.ceil(calls / step) + 1,
      async (n) => {
        const interfere = { ...kinds[n % kinds.length]!, at: 1 + n * step };
        const { mode, errno = '', at } = interfere;
        const fault = await afterRun(join(folder, `io-${n}.db`), work, interfere);
        return fault === undefined ? undefined : { at: `${mode} ${errno} at call ${at}`, fault };
      },
      progress,
    );
  });
}

/**
 * Lets each call fail in turn and ends the process at the first refusal: a commit that was refused must not come back
 * with the next start, though all of it may stand in the WAL.
 */
export function checkRefusals(
  options: Workload & { readonly step: number },
  progress?: Progress,
): Promise<DurabilityReport> {
  const { step, ...work } = options;
  return inFolder(async (folder) => {
    const calls = (await recordedCalls(folder, work)).filter((call) => !isAck(call)).length;
    return forEach(
      Math.ceil(calls / step),
      async (n) => {
        const file = join(folder, `refused-${n}.db`);
        const at = 1 + n * step;
        await append(file, { ...work, attempts: 1, interfere: { mode: 'fail', at, errno: EIO } });
        const { commits: acknowledged, refusals } = acknowledgements(file);
        const refused = refusals.map((line) => line.split(' ')[1] ?? '');
        const fault = await faultAfterCrash(file, acknowledged, refused);
        removeLedger(file);
        return fault === undefined ? undefined : { at: `call ${at}`, fault };
      },
      progress,
    );
  });
}

/** Which of the recorded calls a check believes in; planting a defect leaves some out. */
export type Believed = (call: FileCall) => boolean;

/**
 * Builds disk states as they may be found after power was lost at any call of a run, and looks at each.
 * @param options.believes by default every call; a harness that leaves syncs out must find losses.
 */
export function checkPowerLoss(
  options: Workload & {
    readonly states: number;
    readonly seed: number;
    readonly believes?: Believed;
  },
  progress?: Progress,
): Promise<DurabilityReport> {
  const { states, seed, believes = () => true, ...work } = options;
  return inFolder(async (folder) => {
    const calls = (await recordedCalls(folder, work)).filter(believes);
    const random = seeded(seed);
    // In the order of the calls: the disk is followed once, not once a state.
    const ends = Array.from({ length: states }, () => 1 + random(calls.length)).sort(
      (a, b) => a - b,
    );
    const disk = new DiskAtRisk();
    const said: Uint8Array[] = [];
    const faults: DurabilityFault[] = [];
    let followed = 0;
    for (const [i, end] of ends.entries()) {
      for (const call of calls.slice(followed, end)) {
        if (isAck(call)) said.push(call.data);
        else disk.apply(call);
      }
      followed = end;
      const { commits: acknowledged } = acknowledgedIn(Buffer.concat(said).toString('utf8'));
      const fault = await lookAt(join(folder, `state-${i}`), disk.found(random), acknowledged);
      if (fault !== undefined)
        faults.push({ at: `state ${i} of seed ${seed}, after call ${end}`, fault });
      progress?.(i + 1, states);
    }
    return { points: states, faults };
  });
}

/** Writes a state under another name and opens it. */
async function lookAt(
  file: string,
  image: DiskImage,
  acknowledged: readonly Acknowledged[],
): Promise<string | undefined> {
  for (const [path, content] of image) {
    const suffix = path.slice(path.lastIndexOf('ledger.db') + 'ledger.db'.length);
    writeFileSync(`${file}${suffix}`, content);
  }
  const fault = await faultAfterCrash(file, acknowledged);
  for (const suffix of ['', '-wal', '-shm', '-journal'])
    rmSync(`${file}${suffix}`, { force: true });
  return fault;
}
