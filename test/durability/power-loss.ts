import type { FileCall } from './call-log';

/** Content of files by path, as a disk may hold them after power was lost. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

/** Smallest unit a disk writes whole. */
const SECTOR = 512;

/**
 * The states in which a disk may be found when power is lost after `calls`: what was synced is there; of each later
 * write any sector may be there or not, in any order; a later truncate has happened or not. Names are the file
 * system's business, which keeps its own journal in order: an unlink is durable with the next sync of any file. One
 * state is chosen by `random(n)`, a number from 0 to n - 1.
 */
export function imageAfterPowerLoss(
  calls: readonly FileCall[],
  random: (n: number) => number,
): DiskImage {
  const files = new Map<string, FileAtRisk>();
  for (const call of calls) {
    let file = files.get(call.path);
    if (file === undefined) files.set(call.path, (file = new FileAtRisk()));
    file.apply(call);
    if (call.op === 'sync') for (const other of files.values()) other.settleUnlink();
  }
  const image = new Map<string, Uint8Array>();
  for (const [path, file] of files) {
    const content = file.found(random);
    if (content !== undefined) image.set(path, content);
  }
  return image;
}

/** One file: its durable content, and what was done to it since it was last synced. */
class FileAtRisk {
  private durable: Uint8Array | undefined;
  private pending: FileCall[] = [];

  apply(call: FileCall): void {
    if (call.op !== 'sync') {
      this.pending.push(call);
      return;
    }
    for (const done of this.pending) this.durable = applied(this.durable, done);
    this.pending = [];
  }

  settleUnlink(): void {
    const last = this.pending.findLastIndex(({ op }) => op === 'unlink');
    if (last < 0) return;
    this.durable = undefined;
    this.pending = this.pending.slice(last + 1);
  }

  found(random: (n: number) => number): Uint8Array | undefined {
    let content = this.durable;
    for (const call of this.pending) {
      if (call.op === 'write') content = withSomeSectors(content, call, random);
      else if (random(2) === 0) content = applied(content, call);
    }
    return content;
  }
}

function applied(content: Uint8Array | undefined, call: FileCall): Uint8Array | undefined {
  const { op, offset, data } = call;
  if (op === 'unlink') return undefined;
  const before = content ?? new Uint8Array();
  if (op === 'truncate') return resized(before, offset);
  const after = resized(before, Math.max(before.length, offset + data.length));
  after.set(data, offset);
  return after;
}

/** A write of which each sector reached the disk or did not; the file may have grown all the same. */
function withSomeSectors(
  content: Uint8Array | undefined,
  { offset, data }: FileCall,
  random: (n: number) => number,
): Uint8Array | undefined {
  // Whole, not at all, or torn: each as likely, because a torn write is rarer than its sectors suggest.
  const fate = random(3);
  if (fate === 0) return content;
  const before = content ?? new Uint8Array();
  const after = resized(before, Math.max(before.length, offset + data.length));
  for (let at = offset; at < offset + data.length;) {
    const end = Math.min((Math.floor(at / SECTOR) + 1) * SECTOR, offset + data.length);
    if (fate === 1 || random(2) === 0) after.set(data.subarray(at - offset, end - offset), at);
    at = end;
  }
  return after;
}

function resized(content: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(content.subarray(0, Math.min(size, content.length)));
  return copy;
}
