import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const CLASS = /^(?:export )?class (\w+)(?:<[^{]*>)?(?: extends (\w+))?/gm;

/** Names of the classes that a folder's sources declare, but for errors and test code. */
export function sourceClasses(folder: string): string[] {
  const names: string[] = [];
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.spec.ts') || file.includes('__fixtures__'))
      continue;
    for (const [, name, base] of readFileSync(join(folder, file), 'utf8').matchAll(CLASS)) {
      if (name !== undefined && base !== 'Error') names.push(name);
    }
  }
  return names.sort();
}
