import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The project's folder: the nearest one above this file that holds `migrations/`. */
export function projectRoot(): string {
  for (let at = __dirname; ; at = dirname(at)) {
    if (existsSync(join(at, 'migrations'))) return at;
    if (at === dirname(at)) throw new Error(`no migrations/ above ${__dirname}`);
  }
}
