import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { LedgerError } from '../ledger-error';
import { BLOCK, readTarHeader, type TarEntry } from './tar';

/** The unpacked bytes of a bundle, no more of them in memory than was asked for. */
export class ByteSource {
  private readonly packed;
  private readonly bytes: AsyncIterator<Buffer>;
  private chunk: Buffer = Buffer.alloc(0);

  constructor(private readonly file: string) {
    this.packed = createReadStream(file);
    const unpacked = createGunzip();
    this.packed.on('error', (error) => unpacked.destroy(error)).pipe(unpacked);
    this.bytes = (unpacked as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  bad(why: string): LedgerError {
    return new LedgerError('bad-bundle', `${this.file}: ${why}`);
  }

  async isAtEnd(): Promise<boolean> {
    while (this.chunk.length === 0) {
      const next = await this.bytes.next().catch((error: unknown) => {
        throw this.bad(`cannot be unpacked (${(error as Error).message})`);
      });
      if (next.done === true) return true;
      this.chunk = next.value;
    }
    return false;
  }

  /** At least one byte, at most `max`. */
  async some(max: number): Promise<Buffer> {
    if (await this.isAtEnd()) throw this.bad('it ends too early');
    const part = this.chunk.subarray(0, max);
    this.chunk = this.chunk.subarray(part.length);
    return part;
  }

  async exactly(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0;) {
      const part = await this.some(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** The header that stands next. */
  async entry(): Promise<TarEntry> {
    const entry = readTarHeader(await this.exactly(BLOCK));
    if (entry === undefined) throw this.bad('it holds something that is no file');
    return entry;
  }

  close(): void {
    void this.bytes.return?.();
    this.packed.destroy();
  }
}
