import type { Field, Layout } from './layout';

/**
 * An entry as the engine reads it: 32-bit little-endian parts, part `n` holding bits [32n+31:32n].
 */
export type Parts = ArrayLike<number>;

/** The named fields of an entry as plain numbers. */
export type FieldNumbers<K extends string> = { readonly [N in K]: number };

/**
 * Compiles a reader of the named fields from their declaration, so that algorithms hold no bit
 * numbers and need no bigint. A value is exact below 2^53; address fields are, because their low
 * bits are zero.
 */
export function fieldNumbers<F extends Record<string, Field>, const K extends keyof F & string>(
  layout: Layout<F>,
  names: readonly K[],
): (parts: Parts) => FieldNumbers<K> {
  const readers = names.map((name) => [name, fieldNumber(layout, name)] as const);
  return (parts) => {
    const values = {} as { [N in K]: number };
    for (const [name, read] of readers) values[name] = read(parts);
    return values;
  };
}

/** Compiles a reader of one field. */
export function fieldNumber<F extends Record<string, Field>>(
  layout: Layout<F>,
  name: keyof F & string,
): (parts: Parts) => number {
  const field: Field = layout.fields[name]!;
  const { hi, lo, addressLsb = 0 } = field;
  const width = hi - lo + 1;
  const part = lo >>> 5;
  const shift = lo & 31;
  const scale = 2 ** addressLsb;
  if (shift + width <= 32) {
    const mask = width === 32 ? 0xffffffff : (1 << width) - 1;
    return (parts) => (((parts[part]! >>> shift) & mask) >>> 0) * scale;
  }
  const lowWidth = 32 - shift;
  const highMask = 2 ** (width - lowWidth) - 1;
  if (width - lowWidth > 32) throw new RangeError(`${layout.name}.${name} spans three parts`);
  return (parts) =>
    ((parts[part]! >>> shift) + ((parts[part + 1]! & highMask) >>> 0) * 2 ** lowWidth) * scale;
}
