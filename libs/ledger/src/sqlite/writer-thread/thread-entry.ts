import { extname, join } from 'node:path';

/** How to start a thread of this folder. */
export interface ThreadEntry {
  readonly file: string;
  readonly execArgv: readonly string[];
}

/** @param name of the module beside this one that the thread runs. */
export function threadEntry(name: string): ThreadEntry {
  const extension = extname(__filename);
  return {
    file: join(__dirname, `${name}${extension}`),
    // Run from the sources, as tests do, the thread has to compile them as it loads them.
    execArgv:
      extension === '.ts'
        ? ['--require', join(__dirname, '../../../../../scripts/compile-on-load.cjs')]
        : [],
  };
}
