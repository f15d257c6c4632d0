import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { CliError, EXIT } from './exit-codes';

/** The project's folder: the nearest one above this file that holds `migrations/`. */
export function projectRoot(): string {
  for (let at = __dirname; ; at = dirname(at)) {
    if (existsSync(join(at, 'migrations'))) return at;
    if (at === dirname(at)) throw new Error(`no migrations/ above ${__dirname}`);
  }
}

/** A text file, unpacked when its name ends in .gz. @throws CliError for a missing or truncated file. */
export function readText(file: string, what: string): string {
  const bytes = readBytes(file, what);
  if (!file.endsWith('.gz')) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes).toString('utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.failed, `${file}: not a complete gzip file (${why})`);
  }
}

/** A JSON file, unpacked when its name ends in .gz. */
export function readJson(file: string, what: string): unknown {
  const text = readText(file, what);
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.failed, `${file}: ${what} is not JSON (${why})`);
  }
}

function readBytes(file: string, what: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new CliError(EXIT.notFound, `${file}: no such ${what}`);
    throw new CliError(EXIT.failed, `${file}: cannot read the ${what} (${code})`);
  }
}
