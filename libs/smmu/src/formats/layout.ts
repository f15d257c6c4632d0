/**
 * Declarative layouts of the architecture's in-memory structures and registers.
 *
 * A layout is declared once, over the whole entry and in the architecture's own bit numbers.
 * Encoder, decoder, reserved-bit check and the hex-and-fields text view all read that one
 * declaration.
 */

/** One field of a layout: bits [hi:lo] of the whole entry, with its named values if it has any. */
export interface Field {
  readonly hi: number;
  readonly lo: number;
  /** Named encodings, e.g. `{ BYPASS: 0b100n }`. Other encodings stay representable. */
  readonly values?: Readonly<Record<string, bigint>>;
  /**
   * The field holds an address: its value is the address itself, the bits below `addressLsb` zero.
   */
  readonly addressLsb?: number;
}

/** A one-bit field. */
export function bit(position: number): Field {
  return { hi: position, lo: position };
}

/** A field of bits [hi:lo], optionally with named encodings. */
export function bits(hi: number, lo: number, values?: Readonly<Record<string, bigint>>): Field {
  return values === undefined ? { hi, lo } : { hi, lo, values };
}

/**
 * An address field: entry bits [hi:lo] hold address bits starting at `addressLsb`. Its decoded
 * value is the address (low bits zero), which is what a person compares with a pointer.
 */
export function address(hi: number, lo: number, addressLsb: number): Field {
  return { hi, lo, addressLsb };
}

/** Decoded values of every declared field, by name. */
export type Values<F extends Record<string, Field>> = { readonly [K in keyof F]: bigint };

/** One line of the text view of an entry. */
export interface FieldView {
  readonly name: string;
  /** Architecture bit range, `[hi:lo]` or `[n]`. */
  readonly bits: string;
  readonly value: bigint;
  /** The named encoding, when the value has one. */
  readonly meaning?: string;
}

export interface Layout<F extends Record<string, Field>> {
  readonly name: string;
  /** Size of the entry in bits, a multiple of 32. */
  readonly size: number;
  readonly fields: F;
  /** Value of one field of an entry given as little-endian 64-bit words. */
  get(words: readonly bigint[], field: keyof F): bigint;
  /** All fields, plus `reserved`: the raw words with every declared field cleared. */
  decode(words: readonly bigint[]): { readonly values: Values<F>; readonly reserved: bigint[] };
  /**
   * The entry with the given fields set, all others zero (or as in `base`).
   * @throws RangeError when a value does not fit its field.
   */
  encode(values: Partial<Record<keyof F, bigint>>, base?: readonly bigint[]): bigint[];
  /** Mask of a field's bits inside each 64-bit word. */
  mask(...fields: (keyof F)[]): bigint[];
  /** Name of a field's current encoding, if it is a named one. */
  nameOf(words: readonly bigint[], field: keyof F): string | undefined;
  /** Every field in bit order, for people. */
  view(words: readonly bigint[]): FieldView[];
}

const WORD = 64;
const WORD_MASK = (1n << 64n) - 1n;

/**
 * Declares a layout of `size` bits.
 * @throws RangeError at load time when a field lies outside the entry or overlaps another.
 */
export function layout<const F extends Record<string, Field>>(
  name: string,
  size: number,
  fields: F,
): Layout<F> {
  const masks = checkedMasks(name, size, fields);
  const wordCount = Math.ceil(size / WORD);
  const widths = new Map(Object.entries(fields).map(([key, f]) => [key, widthMask(f)]));
  const parts = new Map(Object.entries(fields).map(([key, f]) => [key, partsOf(f)]));
  const readers = new Map(Object.entries(fields).map(([key, f]) => [key, readerOf(f)]));

  const fieldOf = (field: keyof F): Field => {
    const f = fields[field];
    if (f === undefined) throw new RangeError(`${name} has no field ${String(field)}`);
    return f;
  };
  const get = (words: readonly bigint[], field: keyof F): bigint => {
    const read = readers.get(field as string);
    if (read === undefined) throw new RangeError(`${name} has no field ${String(field)}`);
    return read(words);
  };

  return {
    name,
    size,
    fields,
    get,
    decode(words) {
      const values = Object.fromEntries(Object.keys(fields).map((k) => [k, get(words, k)]));
      let declared = 0n;
      for (const mask of masks.values()) declared |= mask;
      return { values: values as Values<F>, reserved: split(join(words) & ~declared, wordCount) };
    },
    encode(values, base = []) {
      const words: bigint[] = [];
      for (let i = 0; i < wordCount; i++) words.push((base[i] ?? 0n) & WORD_MASK);
      for (const key in values) {
        const value = values[key];
        if (value === undefined) continue;
        const f = fieldOf(key);
        const raw = rawOf(f, value, widths.get(key)!);
        if (raw === undefined) {
          const what = `${name}.${key}: 0x${value.toString(16)}`;
          throw new RangeError(`${what} does not fit [${f.hi}:${f.lo}]`);
        }
        for (const { word, mask, keep, shift } of parts.get(key)!) {
          const part = shift < 0n ? raw >> -shift : raw << shift;
          words[word] = (words[word]! & keep) | (part & mask);
        }
      }
      return words;
    },
    mask(...keys) {
      return split(
        keys.reduce((all, k) => all | masks.get(k as string)!, 0n),
        wordCount,
      );
    },
    nameOf(words, field) {
      return meaning(fieldOf(field), get(words, field));
    },
    view(words) {
      return Object.entries(fields)
        .sort(([, a], [, b]) => a.lo - b.lo)
        .map(([key, f]) => {
          const value = get(words, key);
          const named = meaning(f, value);
          const range = f.hi === f.lo ? `[${f.lo}]` : `[${f.hi}:${f.lo}]`;
          return {
            name: key,
            bits: range,
            value,
            ...(named === undefined ? {} : { meaning: named }),
          };
        });
    },
  };
}

function checkedMasks(
  name: string,
  size: number,
  fields: Record<string, Field>,
): Map<string, bigint> {
  const masks = new Map<string, bigint>();
  let used = 0n;
  for (const [key, f] of Object.entries(fields)) {
    if (f.hi >= size || f.hi < f.lo) {
      throw new RangeError(`${name}.${key}: [${f.hi}:${f.lo}] lies outside ${size} bits`);
    }
    const mask = widthMask(f) << BigInt(f.lo);
    if ((used & mask) !== 0n) throw new RangeError(`${name}.${key}: overlaps an earlier field`);
    used |= mask;
    masks.set(key, mask);
  }
  return masks;
}

/** Where one word of an entry holds bits of a field; `shift` is negative where it holds the upper ones. */
interface FieldPart {
  readonly word: number;
  readonly mask: bigint;
  /** The other bits of that word. */
  readonly keep: bigint;
  readonly shift: bigint;
}

function partsOf(f: Field): FieldPart[] {
  const parts: FieldPart[] = [];
  for (let word = Math.floor(f.lo / WORD); word * WORD <= f.hi; word++) {
    const shift = BigInt(f.lo - word * WORD);
    const bits = widthMask(f);
    const mask = (shift < 0n ? bits >> -shift : bits << shift) & WORD_MASK;
    parts.push({ word, mask, keep: WORD_MASK & ~mask, shift });
  }
  return parts;
}

/** Reads a field's value. Almost every field lies inside one word, which alone is then looked at. */
function readerOf(f: Field): (words: readonly bigint[]) => bigint {
  const width = widthMask(f);
  const scale = BigInt(f.addressLsb ?? 0);
  const at = Math.floor(f.lo / WORD);
  const shift = BigInt(f.lo - at * WORD);
  if (f.hi < (at + 1) * WORD) return (words) => (((words[at] ?? 0n) >> shift) & width) << scale;
  return (words) => ((join(words) >> BigInt(f.lo)) & width) << scale;
}

function widthMask(f: Field): bigint {
  return (1n << BigInt(f.hi - f.lo + 1)) - 1n;
}

/** The bits that hold a value; undefined when it does not fit. */
function rawOf(f: Field, value: bigint, widest: bigint): bigint | undefined {
  if (f.addressLsb === undefined) return value < 0n || value > widest ? undefined : value;
  const lsb = BigInt(f.addressLsb);
  const raw = value >> lsb;
  return value < 0n || raw > widest || raw << lsb !== value ? undefined : raw;
}

function meaning(f: Field, value: bigint): string | undefined {
  if (f.values === undefined) return undefined;
  return Object.entries(f.values).find(([, v]) => v === value)?.[0];
}

function join(words: readonly bigint[]): bigint {
  return words.reduce((whole, word, i) => whole | ((word & WORD_MASK) << BigInt(i * WORD)), 0n);
}

function split(whole: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => (whole >> BigInt(i * WORD)) & WORD_MASK);
}
