/** One system call that changed a file, as the shim recorded it. */
export interface FileCall {
  readonly op: 'write' | 'sync' | 'truncate' | 'unlink';
  readonly path: string;
  /** Byte offset of a write, size of a truncate. */
  readonly offset: number;
  readonly data: Uint8Array;
}

const OPS = { w: 'write', s: 'sync', t: 'truncate', u: 'unlink' } as const;
const HEADER = 16;

/** The calls of a record, in order (format: shim.c). @throws RangeError for a record that was cut off. */
export function readCallLog(log: Buffer): FileCall[] {
  const calls: FileCall[] = [];
  for (let at = 0; at < log.length;) {
    const op = String.fromCharCode(log[at] ?? 0) as keyof typeof OPS;
    const pathLength = log[at + 1] ?? 0;
    const length = log.readUInt32LE(at + 4);
    const end = at + HEADER + pathLength + length;
    if (end > log.length) throw new RangeError(`the record of calls is cut off at byte ${at}`);
    const path = log.toString('utf8', at + HEADER, at + HEADER + pathLength);
    const offset = Number(log.readBigInt64LE(at + 8));
    const data = log.subarray(at + HEADER + pathLength, end);
    calls.push({ op: OPS[op], path, offset, data });
    at = end;
  }
  return calls;
}
