import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** A trace with its command queue, as imported. */
export interface RecordedPair {
  readonly name: string;
  readonly trace: string;
  readonly cmdq: unknown;
}

/** The trace and command queue called `stem` in a directory. */
export function readPair(directory: string, stem: string): RecordedPair {
  const read = (suffix: string) =>
    gunzipSync(readFileSync(join(directory, `${stem}${suffix}`))).toString('utf8');
  return {
    name: stem,
    trace: read('.qemu-trace.txt.gz'),
    cmdq: JSON.parse(read('.cmdq.json.gz')) as unknown,
  };
}

/** The stems of the traces in a directory. */
export function stemsIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.qemu-trace.txt.gz'))
    .map((name) => name.slice(0, -'.qemu-trace.txt.gz'.length))
    .sort();
}

/** The recording of a real Linux guest with pass-through default domains: the smallest there is. */
export const identityGuest = (): RecordedPair => readPair(__dirname, 'guest-identity');
