import { ChunkIndex } from '../memory/chunk-index';
import type { PhysicalMemory } from '../memory/physical-memory';

const NONE = -1;
const INITIAL = 64;

/** 32-bit words of a link. */
const STRIDE = 8;
const SLOT = 0;
const NODE = 1;
const NEXT_OF_SLOT = 2;
const PREVIOUS_OF_SLOT = 3;
const NEXT_OF_NODE = 4;
const LO = 5;
const HI = 6;
const KIND = 7;

/** Two halves of a 64-bit word. */
interface Halves {
  readonly lo: number;
  readonly hi: number;
}

/** A word that a cached entry was made from: where it lies, and the value it had. */
export interface MadeFromWord {
  readonly pa: number;
  readonly word: bigint;
}

interface WordChange {
  readonly before: Halves;
  readonly after: Halves;
  readonly accepted: boolean;
}

/** What a word that entries are made from is: which of its bits say something about a translation. */
export const WORD_KIND = {
  /** All of them. */
  STRUCTURE: 0,
  /** All but software's, [58:55] (DDI 0487 D8.3). */
  DESCRIPTOR: 1,
  /** The same without AF, where an AF of 0 does not fault. */
  DESCRIPTOR_WITHOUT_AF: 2,
  /** The memory was given back: no value is right. */
  RELEASED: 3,
} as const;
export type WordKind = (typeof WORD_KIND)[keyof typeof WORD_KIND];

/** Bits that say something, in each half of each kind of word. */
const SIGNIFICANT_LO = [-1, -1, ~(1 << 10)] as const;
const SIGNIFICANT_HI = [-1, ~(0xf << 23), ~(0xf << 23)] as const;

/** Hears of each word of a node that stops or starts to have the value the node was made from. */
export interface WordListener {
  /** @param differing words of the node that differ now. */
  differs(
    node: number,
    word: { readonly pa: number; readonly kind: WordKind },
    differing: number,
  ): void;
  agrees(node: number, pa: number, differing: number): void;
}

/** Words of a walk, with the values that were read: parallel lists, reused. */
export class Trail {
  length = 0;
  slots = new Int32Array(INITIAL);
  lo = new Int32Array(INITIAL);
  hi = new Int32Array(INITIAL);
  kinds = new Uint8Array(INITIAL);

  push(slot: number, lo: number, hi: number, kind: number): void {
    if (this.length === this.slots.length) this.grow();
    const at = this.length++;
    this.slots[at] = slot;
    this.lo[at] = lo;
    this.hi[at] = hi;
    this.kinds[at] = kind;
  }

  /** A word on the trail has another value by now. */
  revise(slot: number, lo: number, hi: number): void {
    for (let at = 0; at < this.length; at++) {
      if (this.slots[at] !== slot) continue;
      this.lo[at] = lo;
      this.hi[at] = hi;
    }
  }

  private grow(): void {
    const twice = (old: Int32Array): Int32Array<ArrayBuffer> => grown(old, old.length * 2);
    this.slots = twice(this.slots);
    this.lo = twice(this.lo);
    this.hi = twice(this.hi);
    const kinds = new Uint8Array(this.kinds.length * 2);
    kinds.set(this.kinds);
    this.kinds = kinds;
  }
}

/**
 * Which words of memory each cached entry was made from, and with which values. A node is an entry;
 * a slot is a word that some entry was ever made from; a link joins the two. A node is stale while
 * one of its words has another value than the entry was made from.
 */
export class Dependencies {
  private readonly slotIndex = new ChunkIndex();
  private slots = 0;
  /** Physical address of each slot's word. */
  private addresses = new Float64Array(INITIAL);
  /** First link of each slot. */
  private heads = new Int32Array(INITIAL).fill(NONE);
  /** Serial of the last node that linked to a slot, so that a word counts once. */
  private marks = new Int32Array(INITIAL);
  private serial = 0;

  private links = new Int32Array(INITIAL * STRIDE);
  private usedLinks = 0;
  private freeLink = NONE;

  private firstLinks = new Int32Array(INITIAL);
  private differing = new Int32Array(INITIAL);
  private usedNodes = 0;
  private readonly freeNodes: number[] = [];
  private readonly value = { lo: 0, hi: 0 };

  /** The slot of the word at `pa`, made if there is none. */
  slotOf(pa: number): number {
    const word = pa / 8;
    const known = this.slotIndex.find(word);
    if (known >= 0) return known;
    const slot = this.slots++;
    this.slotIndex.add(word, slot);
    if (slot === this.heads.length) this.growSlots(slot * 2);
    this.addresses[slot] = pa;
    return slot;
  }

  /** Makes a node of the trail's words from `start` on. */
  add(trail: Trail, start: number): number {
    const node = this.takeNode();
    this.firstLinks[node] = NONE;
    this.differing[node] = 0;
    const serial = ++this.serial;
    for (let at = start; at < trail.length; at++) {
      const slot = trail.slots[at]!;
      if (this.marks[slot] === serial) continue;
      this.marks[slot] = serial;
      this.link(node, trail, at);
    }
    return node;
  }

  remove(node: number): void {
    const { links } = this;
    for (let link = this.firstLinks[node]!; link !== NONE;) {
      const at = link * STRIDE;
      const next = links[at + NEXT_OF_SLOT]!;
      const previous = links[at + PREVIOUS_OF_SLOT]!;
      if (previous === NONE) this.heads[links[at + SLOT]!] = next;
      else links[previous * STRIDE + NEXT_OF_SLOT] = next;
      if (next !== NONE) links[next * STRIDE + PREVIOUS_OF_SLOT] = previous;
      const following = links[at + NEXT_OF_NODE]!;
      links[at + NEXT_OF_NODE] = this.freeLink;
      this.freeLink = link;
      link = following;
    }
    this.freeNodes.push(node);
  }

  isStale(node: number): boolean {
    return this.differing[node] !== 0;
  }

  /** Adds a node's words, with the values it was made from, to a trail. */
  retrace(node: number, trail: Trail): void {
    const { links } = this;
    for (let link = this.firstLinks[node]!; link !== NONE;) {
      const at = link * STRIDE;
      trail.push(links[at + SLOT]!, links[at + LO]!, links[at + HI]!, links[at + KIND]!);
      link = links[at + NEXT_OF_NODE]!;
    }
  }

  /** A node's words, with the values it was made from. */
  wordsOf(node: number): MadeFromWord[] {
    const words: MadeFromWord[] = [];
    const { links } = this;
    for (let link = this.firstLinks[node]!; link !== NONE;) {
      const at = link * STRIDE;
      const word = (BigInt(links[at + HI]! >>> 0) << 32n) | BigInt(links[at + LO]! >>> 0);
      words.push({ pa: this.addresses[links[at + SLOT]!]!, word });
      link = links[at + NEXT_OF_NODE]!;
    }
    return words.reverse();
  }

  /** Holds a node's words against memory once more, for one that was made through a stale entry. */
  recheck(node: number, memory: PhysicalMemory, listener: WordListener): void {
    const { links } = this;
    for (let link = this.firstLinks[node]!; link !== NONE;) {
      const at = link * STRIDE;
      const pa = this.addresses[links[at + SLOT]!]!;
      memory.load(pa, this.value);
      if (!this.agrees(at, this.value)) {
        const kind = links[at + KIND] as WordKind;
        listener.differs(node, { pa, kind }, ++this.differing[node]!);
      }
      link = links[at + NEXT_OF_NODE]!;
    }
  }

  /**
   * The word at `pa` changes. `accepted`: hardware updated a descriptor, which leaves what was made
   * from it true.
   */
  change(pa: number, { before, after, accepted }: WordChange, listener: WordListener): void {
    const slot = this.slotIndex.find(pa / 8);
    if (slot < 0) return;
    const { links } = this;
    for (let link = this.heads[slot]!; link !== NONE; link = links[link * STRIDE + NEXT_OF_SLOT]!) {
      const at = link * STRIDE;
      const agreed = this.agrees(at, before);
      if (accepted && agreed) {
        links[at + LO] = after.lo;
        links[at + HI] = after.hi;
      }
      const agrees = this.agrees(at, after);
      const node = links[at + NODE]!;
      if (agreed && !agrees) {
        const kind = links[at + KIND] as WordKind;
        listener.differs(node, { pa, kind }, ++this.differing[node]!);
      } else if (agrees && !agreed) listener.agrees(node, pa, --this.differing[node]!);
    }
  }

  /** The word at `pa` is no longer what entries were made from: software gave its memory back. */
  release(pa: number, current: Halves, listener: WordListener): void {
    const slot = this.slotIndex.find(pa / 8);
    if (slot < 0) return;
    const { links } = this;
    for (let link = this.heads[slot]!; link !== NONE; link = links[link * STRIDE + NEXT_OF_SLOT]!) {
      const at = link * STRIDE;
      const agreed = this.agrees(at, current);
      const kind = links[at + KIND] as WordKind;
      links[at + KIND] = WORD_KIND.RELEASED;
      const node = links[at + NODE]!;
      if (agreed) listener.differs(node, { pa, kind }, ++this.differing[node]!);
    }
  }

  /** Whether a word's value is, in the bits that matter, the one its entry was made from. */
  private agrees(at: number, { lo, hi }: Halves): boolean {
    const { links } = this;
    const kind = links[at + KIND]!;
    if (kind === WORD_KIND.RELEASED) return false;
    const changedLo = (links[at + LO]! ^ lo) & SIGNIFICANT_LO[kind]!;
    const changedHi = (links[at + HI]! ^ hi) & SIGNIFICANT_HI[kind]!;
    return (changedLo | changedHi) === 0;
  }

  private link(node: number, trail: Trail, from: number): void {
    const link = this.takeLink();
    const { links } = this;
    const at = link * STRIDE;
    const slot = trail.slots[from]!;
    const head = this.heads[slot]!;
    links[at + SLOT] = slot;
    links[at + NODE] = node;
    links[at + NEXT_OF_SLOT] = head;
    links[at + PREVIOUS_OF_SLOT] = NONE;
    links[at + NEXT_OF_NODE] = this.firstLinks[node]!;
    links[at + LO] = trail.lo[from]!;
    links[at + HI] = trail.hi[from]!;
    links[at + KIND] = trail.kinds[from]!;
    if (head !== NONE) links[head * STRIDE + PREVIOUS_OF_SLOT] = link;
    this.heads[slot] = link;
    this.firstLinks[node] = link;
  }

  private growSlots(length: number): void {
    const used = this.heads.length;
    this.heads = grown(this.heads, length);
    this.heads.fill(NONE, used);
    this.marks = grown(this.marks, length);
    const addresses = new Float64Array(length);
    addresses.set(this.addresses);
    this.addresses = addresses;
  }

  private takeLink(): number {
    if (this.freeLink !== NONE) {
      const link = this.freeLink;
      this.freeLink = this.links[link * STRIDE + NEXT_OF_NODE]!;
      return link;
    }
    if (this.usedLinks * STRIDE === this.links.length) {
      this.links = grown(this.links, this.links.length * 2);
    }
    return this.usedLinks++;
  }

  private takeNode(): number {
    const free = this.freeNodes.pop();
    if (free !== undefined) return free;
    if (this.usedNodes === this.firstLinks.length) {
      this.firstLinks = grown(this.firstLinks, this.usedNodes * 2);
      this.differing = grown(this.differing, this.usedNodes * 2);
    }
    return this.usedNodes++;
  }
}

function grown(old: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const array = new Int32Array(length);
  array.set(old);
  return array;
}
