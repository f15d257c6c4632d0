import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync, type Options } from '@swc/core';
import { projectRoot } from '../conformance/project-root';
import type { Mutant } from './mutant';

/** Longest that a mutant may take before it counts as one that does not end. */
const TIMEOUT_MS = 240_000;

/** The text of a mutant no longer stands in its file exactly once: the list has to follow the code. */
export class StaleMutantError extends Error {
  override readonly name = 'StaleMutantError';
}

/** The source of the mutant's file, mutated. @throws StaleMutantError */
export function mutatedSource(room: string, { id, file, before, after }: Mutant): string {
  const source = readFileSync(join(projectRoot(), 'libs', room, 'src', file), 'utf8');
  const count = source.split(before).length - 1;
  if (count !== 1) {
    throw new StaleMutantError(`${id}: its text stands ${count} times in libs/${room}/src/${file}`);
  }
  return source.replace(before, () => after);
}

/**
 * A place outside the project where mutants of one room are built and checked, one at a time: a copy of what was
 * compiled, and of the room's sources for its own specs.
 */
export class Workshop {
  private readonly folder = mkdtempSync(join(tmpdir(), 'steward-mutants-'));

  constructor(private readonly room: string) {
    const root = projectRoot();
    cpSync(join(root, 'dist'), join(this.folder, 'dist'), { recursive: true });
    cpSync(join(root, 'libs', room), join(this.folder, 'libs', room), { recursive: true });
    cpSync(join(root, 'jest.config.cjs'), join(this.folder, 'jest.config.cjs'));
    for (const name of ['apps', 'test', 'migrations']) mkdirSync(join(this.folder, name));
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /**
   * What kills a mutant, or undefined when it survives vectors, second reading and the room's specs.
   * @throws StaleMutantError
   */
  async check(mutant: Mutant): Promise<string | undefined> {
    const source = mutatedSource(this.room, mutant);
    return (await this.byVectors(mutant, source)) ?? (await this.bySpecs(mutant, source));
  }

  private async byVectors({ file }: Mutant, source: string): Promise<string | undefined> {
    const target = join(this.folder, 'dist/libs', this.room, 'src', file.replace(/\.ts$/, '.js'));
    const original = readFileSync(target);
    writeFileSync(target, compiled(source));
    try {
      const vectors = join(projectRoot(), 'test/fixtures/vectors');
      const kill = join(this.folder, 'dist/test/mutants/kill.js');
      const { code, stdout } = await run(process.execPath, [kill, vectors], this.folder);
      if (code === 'timeout') return 'it does not end';
      if (code !== 0) return 'the check broke off';
      return stdout.trim() === '' ? undefined : stdout.trim();
    } finally {
      writeFileSync(target, original);
    }
  }

  private async bySpecs({ file }: Mutant, source: string): Promise<string | undefined> {
    const target = join(this.folder, 'libs', this.room, 'src', file);
    const original = readFileSync(target);
    writeFileSync(target, source);
    try {
      const jest = join(projectRoot(), 'node_modules/jest/bin/jest.js');
      const args = [jest, `libs/${this.room}`, '--bail', '--silent', '--runInBand'];
      const { code, stderr } = await run(process.execPath, args, this.folder);
      if (code === 0) return undefined;
      const [, spec = 'its specs'] = /FAIL (\S+)/.exec(stderr) ?? [];
      return code === 'timeout' ? 'it does not end' : spec;
    } finally {
      writeFileSync(target, original);
    }
  }
}

function compiled(source: string): string {
  const options = JSON.parse(readFileSync(join(projectRoot(), '.swcrc'), 'utf8')) as Options;
  const { baseUrl: _, paths: __, ...jsc } = options.jsc ?? {};
  return transformSync(source, { swcrc: false, jsc, module: { type: 'commonjs' } }).code;
}

interface Ending {
  readonly code: number | 'timeout' | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], cwd: string): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, TIMEOUT_MS);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: isLate ? 'timeout' : code, ...text });
    });
  });
}
