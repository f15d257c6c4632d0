import type { MemoryObserver, PhysicalMemory } from '../memory/physical-memory';
import { structureOf, type CachedEntry, type EntryKey } from './cached-entry';
import {
  Dependencies,
  Trail,
  WORD_KIND,
  type MadeFromWord,
  type WordKind,
  type WordListener,
} from './dependencies';

/** A word that no longer has the value a cached entry was made from. */
export interface ChangedWord {
  readonly pa: number;
  /** A translation table descriptor, or part of an STE, CD, L1STD or L1CD. */
  readonly word: 'descriptor' | 'structure';
  /** The word changed, or software gave its memory back. */
  readonly why: 'changed' | 'released';
  /** The entry was made through this one, which was stale already. */
  readonly from?: EntryKey;
}

/**
 * Hears when cached entries and memory part. An entry is stale while one of its words differs.
 * Called synchronously; it must not touch the SMMU.
 */
export interface StalenessWatcher {
  /** A word of an entry has another value from now on. */
  wordDiffers(key: EntryKey, entry: CachedEntry, word: ChangedWord): void;
  /** A word that differed is back at its old value. */
  wordAgrees(key: EntryKey, pa: number): void;
  /** A stale entry was removed, or another took its place. */
  staleRemoved(key: EntryKey): void;
  /** A stale entry answered an access, or led a walk on its way. */
  staleUsed(key: EntryKey): void;
}

/** A cached entry and the words it was made from, in the order in which they were read. */
export interface MadeFrom {
  readonly entry: CachedEntry;
  /** One of the words has another value now. */
  readonly stale: boolean;
  readonly words: readonly MadeFromWord[];
}

/** What the context of a walk says about the bits of its descriptors. */
interface DescriptorRules {
  readonly bigEndian: boolean;
  readonly accessFlagFaults: boolean;
}

/** Says what a place in the TLB stands for. */
interface TranslationNames {
  describe(place: number): CachedEntry;
}

/**
 * Which words of memory every cached entry was made from, directly or through other cached entries:
 * the walkers and fetchers leave a trail of what they read, the caches say what they made of it.
 * An entry whose words have changed since is stale until it is removed.
 *
 * TLB entries are made from translation tables alone: they belong to a VMID and an ASID, not to the
 * STE and CD that named them, so a change of those makes only cached STEs and CDs stale.
 */
export class Provenance implements MemoryObserver, WordListener {
  private readonly trail = new Trail();
  private readonly dependencies = new Dependencies();
  /** Where in the trail the walk at work began, and in it the stage. */
  private base = 0;
  private start = 0;
  /** An ATS Translation Request is being answered: all it leads through is part of the answer. */
  private requested = false;
  /** The last stale entry that the trail leads through. */
  private taint: EntryKey | undefined;
  /** Nodes of TLB entries by place, and of configuration structures by name. */
  private readonly places: number[] = [];
  private readonly names = new Map<string, number>();
  private readonly keys: EntryKey[] = [];
  private staleNodes = 0;
  private readonly value = { lo: 0, hi: 0 };
  private tlb: TranslationNames | undefined;
  private from: EntryKey | undefined;
  private givenBack = false;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly watcher: StalenessWatcher,
  ) {
    memory.observe(this);
  }

  /** Names who knows what a place in the TLB stands for. */
  describeBy(tlb: TranslationNames): void {
    this.tlb = tlb;
  }

  /** Every entry that is cached now: configuration structures and ATCs first. */
  *entries(): Generator<MadeFrom> {
    for (const [key, node] of this.names) yield this.madeFrom(key, node);
    for (const [place, node] of this.places.entries()) {
      if (node !== undefined && node >= 0) yield this.madeFrom(place, node);
    }
  }

  private madeFrom(key: EntryKey, node: number): MadeFrom {
    const { dependencies } = this;
    const stale = dependencies.isStale(node);
    return { entry: this.describe(key), stale, words: dependencies.wordsOf(node) };
  }

  /** Whether any entry is stale now: if not, a hit needs no further thought. */
  get anyStale(): boolean {
    return this.staleNodes !== 0;
  }

  /** Whether a hit has to be told of. */
  get watchesHits(): boolean {
    return this.requested || this.staleNodes !== 0;
  }

  /** A walk or a fetch begins. */
  begin(): void {
    if (!this.requested) this.clear();
    this.base = this.trail.length;
    this.start = this.base;
  }

  /** A Translation Request begins: its answer is made of the STE, the CD and all tables it needs. */
  beginRequest(): void {
    this.clear();
    this.requested = true;
  }

  endRequest(): void {
    this.requested = false;
  }

  /** Stage 2 begins to translate: what it makes does not depend on what was read before. */
  enterStage2(): void {
    this.start = this.trail.length;
  }

  leaveStage2(): void {
    this.start = this.base;
  }

  /** A translation table descriptor was read. Big-endian ones are compared in all their bits. */
  descriptor(pa: number, context: DescriptorRules): void {
    if (context.bigEndian) this.read(pa, WORD_KIND.STRUCTURE);
    else if (context.accessFlagFaults) this.read(pa, WORD_KIND.DESCRIPTOR);
    else this.read(pa, WORD_KIND.DESCRIPTOR_WITHOUT_AF);
  }

  /** Words of a configuration structure were read. */
  structure(pa: number, bytes: number): void {
    for (let at = pa; at < pa + bytes; at += 8) this.read(at, WORD_KIND.STRUCTURE);
  }

  /** A cached entry answered an access. */
  hit(key: EntryKey): void {
    if (this.requested) return this.through(key);
    if (this.staleNodes === 0) return;
    const node = this.node(key);
    if (node !== undefined && this.dependencies.isStale(node)) this.watcher.staleUsed(key);
  }

  /** A cached entry led a walk or fetch on its way. */
  through(key: EntryKey): void {
    const node = this.node(key);
    if (node === undefined) return;
    this.dependencies.retrace(node, this.trail);
    if (!this.dependencies.isStale(node)) return;
    this.taint = key;
    this.watcher.staleUsed(key);
  }

  /** An entry was cached, made from the trail of the stage at work. */
  made(key: EntryKey): void {
    this.make(key, this.start);
  }

  /** A device cached the answer to its last Translation Request. */
  madeOfRequest(key: EntryKey): void {
    this.make(key, 0);
  }

  private make(key: EntryKey, start: number): void {
    this.removed(key);
    const node = this.dependencies.add(this.trail, start);
    this.keys[node] = key;
    if (typeof key === 'number') this.places[key] = node;
    else this.names.set(key, node);
    const from = this.taint;
    if (from === undefined) return;
    this.from = from;
    this.dependencies.recheck(node, this.memory, this);
    this.from = undefined;
  }

  /** An entry went. */
  removed(key: EntryKey): void {
    const node = this.node(key);
    if (node === undefined) return;
    if (typeof key === 'number') this.places[key] = -1;
    else this.names.delete(key);
    const stale = this.dependencies.isStale(node);
    this.dependencies.remove(node);
    if (!stale) return;
    this.staleNodes--;
    this.watcher.staleRemoved(key);
  }

  private clear(): void {
    this.trail.length = 0;
    this.taint = undefined;
  }

  private node(key: EntryKey): number | undefined {
    if (typeof key === 'string') return this.names.get(key);
    const node = this.places[key];
    return node === undefined || node < 0 ? undefined : node;
  }

  private describe(key: EntryKey): CachedEntry {
    return typeof key === 'number' ? this.tlb!.describe(key) : structureOf(key);
  }

  private read(pa: number, kind: WordKind): void {
    this.memory.load(pa, this.value);
    this.trail.push(this.dependencies.slotOf(pa), this.value.lo, this.value.hi, kind);
  }

  /** A word has another value now. */
  written(
    pa: number,
    before: { readonly lo: number; readonly hi: number },
    after: { readonly lo: number; readonly hi: number },
    byHardware: boolean,
  ): void {
    this.dependencies.change(pa, { before, after, accepted: byHardware }, this);
    // The walk that updates a descriptor makes its entry of what it wrote.
    if (byHardware) this.trail.revise(this.dependencies.slotOf(pa), after.lo, after.hi);
  }

  /** Memory was given back by software: nothing may be made from its words any more. */
  released(base: number, bytes: number): void {
    this.givenBack = true;
    for (let pa = base; pa < base + bytes; pa += 8) {
      this.memory.load(pa, this.value);
      this.dependencies.release(pa, this.value, this);
    }
    this.givenBack = false;
  }

  /** A word of a node parts from what the node was made from. */
  differs(
    node: number,
    { pa, kind }: { readonly pa: number; readonly kind: WordKind },
    differing: number,
  ): void {
    if (differing === 1) this.staleNodes++;
    const key = this.keys[node]!;
    this.watcher.wordDiffers(key, this.describe(key), {
      pa,
      word: kind === WORD_KIND.STRUCTURE ? 'structure' : 'descriptor',
      why: this.givenBack ? 'released' : 'changed',
      ...(this.from !== undefined && { from: this.from }),
    });
  }

  /** A word of a node is back at the value that the node was made from. */
  agrees(node: number, pa: number, differing: number): void {
    if (differing === 0) this.staleNodes--;
    this.watcher.wordAgrees(this.keys[node]!, pa);
  }
}
