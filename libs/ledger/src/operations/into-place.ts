import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes a file under another name and gives it its own when it is whole and durable; nothing is left of one that fails. */
export async function intoPlace<T>(to: string, make: (part: string) => Promise<T>): Promise<T> {
  const part = `${to}.part`;
  const clear = (): void => {
    for (const suffix of ['', '-wal', '-shm', '-journal'])
      rmSync(`${part}${suffix}`, { force: true });
  };
  clear();
  try {
    const made = await make(part);
    syncPath(part);
    renameSync(part, to);
    syncPath(dirname(to));
    return made;
  } finally {
    clear();
  }
}

/** Makes a file, or the names in a folder, durable. */
function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
