import type { FileCall } from './call-log';

/** Content of files by path, as a disk may hold them after power was lost. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

/** Smallest unit a disk writes whole. */
const SECTOR = 512;

/**
 * A disk that follows calls, and the states in which it may be found when power is lost after the last of them: what
 * was synced is there; of each later write any sector may be there or not, in any order; a later truncate has happened
 * or not. Names are the file system's business, which keeps its own journal in order: an unlink is durable with the
 * next sync of any file.
 */
export class DiskAtRisk {
  private readonly files = new Map<string, FileAtRisk>();

  apply(call: FileCall): void {
    let file = this.files.get(call.path);
    if (file === undefined) this.files.set(call.path, (file = new FileAtRisk()));
    file.apply(call);
    if (call.op === 'sync') for (const other of this.files.values()) other.settleUnlink();
  }

  /** One of the states, chosen by `random(n)`, a number from 0 to n - 1. */
  found(random: (n: number) => number): DiskImage {
    const image = new Map<string, Uint8Array>();
    for (const [path, file] of this.files) {
      const content = file.found(random);
      if (content !== undefined) image.set(path, content);
    }
    return image;
  }
}

/** One file: its durable content, and what was done to it since it was last synced. */
class FileAtRisk {
  private readonly durable = new FileContent();
  private pending: FileCall[] = [];

  apply(call: FileCall): void {
    if (call.op !== 'sync') {
      this.pending.push(call);
      return;
    }
    for (const done of this.pending) this.durable.apply(done);
    this.pending = [];
  }

  settleUnlink(): void {
    const last = this.pending.findLastIndex(({ op }) => op === 'unlink');
    if (last < 0) return;
    this.durable.remove();
    this.pending = this.pending.slice(last + 1);
  }

  found(random: (n: number) => number): Uint8Array | undefined {
    // Copied once: nearly all of it is durable, and that must stay as it is.
    const content = this.durable.copy();
    for (const call of this.pending) {
      if (call.op === 'write') writeSomeSectors(content, call, random);
      else if (random(2) === 0) content.apply(call);
    }
    return content.bytes();
  }
}

/** What a file holds, or that there is none. */
class FileContent {
  /** Its first `size` bytes count; all behind them are zero, as in a hole. */
  private memory: Uint8Array = new Uint8Array(SECTOR);
  private size: number | undefined;

  copy(): FileContent {
    const copy = new FileContent();
    copy.memory = this.memory.slice();
    copy.size = this.size;
    return copy;
  }

  bytes(): Uint8Array | undefined {
    return this.size === undefined ? undefined : this.memory.subarray(0, this.size);
  }

  remove(): void {
    this.resize(0);
    this.size = undefined;
  }

  apply({ op, offset, data }: FileCall): void {
    if (op === 'unlink') this.remove();
    else if (op === 'truncate') this.resize(offset);
    else if (op === 'write') {
      this.growTo(offset + data.length);
      this.put(data, offset);
    }
  }

  growTo(size: number): void {
    this.resize(Math.max(this.size ?? 0, size));
  }

  put(data: Uint8Array, offset: number): void {
    this.memory.set(data, offset);
  }

  private resize(size: number): void {
    const before = this.size ?? 0;
    if (size > this.memory.length) {
      const larger = new Uint8Array(2 * size);
      larger.set(this.memory);
      this.memory = larger;
    }
    if (size < before) this.memory.fill(0, size, before);
    this.size = size;
  }
}

/** A write of which each sector reached the disk or did not; the file may have grown all the same. */
function writeSomeSectors(
  content: FileContent,
  { offset, data }: FileCall,
  random: (n: number) => number,
): void {
  // Whole, not at all, or torn: each as likely, because a torn write is rarer than its sectors suggest.
  const fate = random(3);
  if (fate === 0) return;
  content.growTo(offset + data.length);
  for (let at = offset; at < offset + data.length;) {
    const end = Math.min((Math.floor(at / SECTOR) + 1) * SECTOR, offset + data.length);
    if (fate === 1 || random(2) === 0) content.put(data.subarray(at - offset, end - offset), at);
    at = end;
  }
}
