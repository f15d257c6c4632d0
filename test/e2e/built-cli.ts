import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../conformance/project-root';

const ROOT = projectRoot();

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line, as a person would. */
export function steward(...args: string[]): Ended {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'bin/steward'), args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    cwd: ROOT,
  });
  return { code: status, stdout, stderr };
}

/** The one document that a command with `--json` printed. */
export function documentOf({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** The objects that it printed, one a line. */
export function linesOf({ stdout }: Ended): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/**
 * Compares what a command printed with its golden transcript, `transcripts/NAME.txt`; with UPDATE_TRANSCRIPTS=1 in the
 * environment writes that instead. Words of `masked` (a folder's name) stand as `…` there, times as TIME.
 */
export function expectTranscript(name: string, printed: string, masked: readonly string[]): void {
  const file = join(ROOT, 'test/e2e/transcripts', `${name}.txt`);
  const timeless = printed.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
  const text = masked.reduce((all, word) => all.replaceAll(word, '…'), timeless);
  if (process.env['UPDATE_TRANSCRIPTS'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(existsSync(file)).toBe(true);
  expect(text).toBe(readFileSync(file, 'utf8'));
}
