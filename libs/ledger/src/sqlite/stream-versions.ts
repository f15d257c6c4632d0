/** Most streams whose version is kept in memory. */
const KEPT_MAX = 65_536;

/**
 * The versions of streams written lately, so that not every event asks the database. Used inside
 * the write transaction only, and only while the chain ends where this writer left it: a hash that
 * differs tells that somebody else appended. `UNIQUE (stream, version)` stands behind it.
 */
export class StreamVersions {
  private readonly kept = new Map<string, number>();
  private end = '';

  /** @param read asks the database. */
  constructor(private readonly read: (stream: string) => number) {}

  /** To be called first in a transaction, with the hash that the chain ends with. */
  continueFrom(hash: string): void {
    if (hash !== this.end || this.kept.size > KEPT_MAX) this.kept.clear();
    this.end = hash;
  }

  /** To be called when the transaction was committed, with the hash the chain ends with now. */
  reached(hash: string): void {
    this.end = hash;
  }

  of(stream: string): number {
    let version = this.kept.get(stream);
    if (version === undefined) this.kept.set(stream, (version = this.read(stream)));
    return version;
  }

  /** The version of a stream's next event, which it has from now on. */
  next(stream: string): number {
    const version = this.of(stream) + 1;
    this.kept.set(stream, version);
    return version;
  }

  /** Undoes `next` for each, where the events were not written after all. */
  takeBack(streams: readonly string[]): void {
    for (const stream of streams) this.kept.set(stream, this.of(stream) - 1);
  }

  /** To be called when something was rolled back. */
  clear(): void {
    this.kept.clear();
  }
}
