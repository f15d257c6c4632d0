import { readFileSync, writeFileSync } from 'node:fs';
import { UAPI_FILE, refreshed } from './document';

/** `npm run docs`: writes the generated tables of docs/uapi.md anew. */
export function main(): void {
  writeFileSync(UAPI_FILE, refreshed(readFileSync(UAPI_FILE, 'utf8')));
}
