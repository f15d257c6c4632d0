import {
  createReadStream,
  createWriteStream,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, gunzipSync } from 'node:zlib';
import { CliError, EXIT } from './exit-codes';

/** The project's folder: the nearest one above this file that holds `migrations/`. */
export function projectRoot(): string {
  for (let at = __dirname; ; at = dirname(at)) {
    if (existsSync(join(at, 'migrations'))) return at;
    if (at === dirname(at)) throw new Error(`no migrations/ above ${__dirname}`);
  }
}

/** The folder of the numbered `.sql` files. */
export function migrations(): string {
  return join(projectRoot(), 'migrations');
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

/**
 * A text file piece by piece, unpacked when its name ends in .gz: for files that are larger than memory.
 * @param progress called with the bytes read of the file so far, and its size.
 * @throws CliError for a missing or truncated file.
 */
export async function* readTextStream(
  file: string,
  what: string,
  progress: (done: number, total: number) => void = () => undefined,
): AsyncGenerator<string> {
  if (!existsSync(file)) throw new CliError(EXIT.notFound, `${file}: no such ${what}`);
  const total = statSync(file).size;
  const packed = createReadStream(file);
  let done = 0;
  packed.on('data', (chunk) => progress((done += chunk.length), total));
  const bytes = file.endsWith('.gz')
    ? packed.on('error', (error) => bytes.destroy(error)).pipe(createGunzip())
    : packed;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      yield decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.failed, `${file}: cannot read the ${what} to its end (${why})`);
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

/**
 * Writes a file, packed when its name ends in .gz. It is written beside its place and renamed, so that a failure leaves
 * no half of it.
 */
export async function writeWhole(
  file: string,
  text: Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  const part = `${file}.part`;
  const target = createWriteStream(part);
  try {
    if (file.endsWith('.gz')) await pipeline(Readable.from(text), createGzip({ level: 9 }), target);
    else await pipeline(Readable.from(text), target);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
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
