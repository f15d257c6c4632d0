import { join } from 'node:path';
import { projectRoot } from '../conformance/project-root';
import { workedExample } from './example';
import { TABLES } from './tables';

export const UAPI_FILE = join(projectRoot(), 'docs/uapi.md');

const BLOCK = /<!-- generated: ([\w-]+) -->[\s\S]*?<!-- end -->/g;

/** The document with each generated block as the code has it now. @throws Error for a block that nothing generates. */
export function refreshed(document: string): string {
  const blocks: typeof TABLES = { ...TABLES, example: workedExample };
  return document.replace(BLOCK, (_, name: string) => {
    const block = blocks[name];
    if (block === undefined) throw new Error(`nothing generates ${name}`);
    return `<!-- generated: ${name} -->\n\n${block()}\n\n<!-- end -->`;
  });
}
