/** What a word that translates is. */
export type PathEntry = 'STE' | 'L1STD' | 'CD' | 'L1CD' | 'table' | 's1leaf' | 's2leaf';

/** A word of memory that hardware reads on the way to a translation. */
export interface PathWord {
  readonly entry: PathEntry;
  /** What it is there for, e.g. `stage 1 level 2`. */
  readonly role: string;
  /** Physical byte address. */
  readonly pa: number;
  readonly word: bigint;
}

/** Where a translation ends, permissions aside. */
export type PathEnd =
  | {
      readonly kind: 'ok';
      readonly pa: number;
      /** Where stage 1 ended, if stage 2 went on from there. */
      readonly ipa?: number;
    }
  | { readonly kind: 'stops'; readonly why: string };

/** The words on the way, in the order in which hardware needs them, and where it leads. */
export interface TranslationPath {
  readonly words: readonly PathWord[];
  readonly end: PathEnd;
}

/** A walk cannot go on. Never leaves this folder. */
export class PathStops extends Error {
  override readonly name = 'PathStops';
}

/** Reads words of memory and remembers which. */
export class PathReader {
  readonly words: PathWord[] = [];
  private readonly seen = new Set<number>();

  constructor(private readonly memory: (pa: number) => bigint | undefined) {}

  /**
   * @param entry what a word of that value is.
   * @throws PathStops where no memory answers.
   */
  read(pa: number, entry: (word: bigint) => PathEntry, role: string): bigint {
    const word = this.memory(pa);
    if (word === undefined) throw new PathStops(`no memory at 0x${pa.toString(16)} (${role})`);
    if (!this.seen.has(pa)) this.words.push({ entry: entry(word), role, pa, word });
    this.seen.add(pa);
    return word;
  }

  /** The words of a structure of `bytes`. */
  structure(pa: number, bytes: number, entry: PathEntry): bigint[] {
    return Array.from({ length: bytes / 8 }, (_, i) =>
      this.read(pa + 8 * i, () => entry, `${entry} word ${i}`),
    );
  }
}
