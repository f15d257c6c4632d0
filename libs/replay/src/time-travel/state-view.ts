import { toHex } from '@steward/domain';

/** A JSON value. */
export type View = null | boolean | number | string | readonly View[] | ViewObject;
export interface ViewObject {
  readonly [key: string]: View;
}

/** Keys of aggregates' states whose numbers are byte addresses or sizes. */
const ADDRESSES: ReadonlySet<string> = new Set(['base', 'size', 'pa', 'doorbells']);

/**
 * An aggregate's state as JSON that people read: maps become objects, sets become lists, 64-bit words and byte
 * addresses become `0x…`; what is absent is left out.
 */
export function viewOf(value: unknown, key = ''): View {
  if (typeof value === 'bigint') return toHex(value);
  if (typeof value === 'number') return ADDRESSES.has(key) ? toHex(value) : value;
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (value instanceof Map) return objectOf([...(value as Map<unknown, unknown>)]);
  if (value instanceof Set) return [...(value as Set<unknown>)].map((item) => viewOf(item, key));
  if (Array.isArray(value)) return value.map((item) => viewOf(item, key));
  if (typeof value === 'object') return objectOf(Object.entries(value));
  throw new TypeError(`${key}: a ${typeof value} has no view`);
}

function objectOf(entries: readonly (readonly [unknown, unknown])[]): ViewObject {
  return Object.fromEntries(
    entries
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [String(key), viewOf(value, String(key))]),
  );
}
