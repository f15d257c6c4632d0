/** A class whose objects may be in a graph, as its name is known there. */
export type StateClasses = ReadonlyMap<string, abstract new (...parameters: never[]) => object>;

/** What an object is, before its members. */
export const KIND = {
  plain: 0,
  instance: 1,
  array: 2,
  map: 3,
  set: 4,
  /** Raw memory: by turns how many 32-bit words are zero, and words that are not; last the bytes that are no word. */
  buffer: 5,
  /** A typed array over a buffer that comes before it. */
  view: 6,
} as const;

/** Of the words in which memory is looked through for zeros. */
export const WORD_BYTES = 4;

/** What a value is. Objects are told by number, in the order in which they were met. */
export const VALUE = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  /** An integer from 0 to 2^53 - 1. */
  count: 4,
  double: 5,
  /** A text met for the first time. */
  newText: 6,
  text: 7,
  /** The digits in base 16. */
  bigint: 8,
  negativeBigint: 9,
  object: 10,
  /** An item that an array does not have. */
  hole: 11,
} as const;

/** The typed arrays that state may be kept in, by their number in a graph. */
export const VIEWS = [
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
] as const;
