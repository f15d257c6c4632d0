import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../conformance/project-root';

/** What happens at which system call of the appending process; see shim.c. */
export interface Interference {
  readonly mode: 'kill' | 'tear' | 'fail' | 'short';
  /** Number of the call, from 1. */
  readonly at: number;
  /** How many calls fail or are cut short, from `at` on; 1 by default. */
  readonly count?: number;
  /** Linux errno number of a failing call. */
  readonly errno?: number;
}

/** How the process ended. */
export interface Ending {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly stderr: string;
}

/** Compiles the shim once per version of its source. @throws Error when there is no C compiler. */
export function compileShim(): string {
  const source = join(projectRoot(), 'test/durability/shim.c');
  const version = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const folder = join(tmpdir(), `steward-shim-${process.getuid?.() ?? 0}`);
  const shim = join(folder, `${version}.so`);
  if (existsSync(shim)) return shim;
  mkdirSync(folder, { recursive: true });
  const fresh = `${shim}.${process.pid}`;
  const args = ['-shared', '-fPIC', '-O2', '-o', fresh, source, '-ldl', '-lpthread'];
  const { status, stderr, error } = spawnSync('cc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc cannot compile ${source}: ${error?.message ?? stderr}`);
  renameSync(fresh, shim);
  return shim;
}

/** Runs the appender over `file`, watched. @param options.log keeps a record of every call. */
export async function append(
  file: string,
  options: {
    readonly commits: number;
    /** How often a refused commit is asked again; 50 times by default. */
    readonly attempts?: number;
    /** Length of the WAL from which on it is folded beside the writer; that of a ledger in use by default. */
    readonly foldBytes?: number;
    readonly interfere?: Interference;
    readonly log?: string;
  },
): Promise<Ending> {
  const { commits, attempts = 50, foldBytes, interfere, log } = options;
  const appender = join(projectRoot(), 'dist/test/durability/appender.js');
  const numbers = [commits, 0, attempts, ...(foldBytes === undefined ? [] : [foldBytes])];
  const child = spawn(process.execPath, [appender, file, ...numbers.map(String)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      LD_PRELOAD: compileShim(),
      SHIM_PREFIX: file,
      ...(log !== undefined && { SHIM_LOG: log }),
      ...(interfere && {
        SHIM_MODE: interfere.mode,
        SHIM_AT: String(interfere.at),
        SHIM_COUNT: String(interfere.count ?? 1),
        SHIM_ERRNO: String(interfere.errno ?? 5),
      }),
    },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stderr }));
  });
}
