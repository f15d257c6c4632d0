import { JSON_DEPTH_MAX, JSON_LENGTH_MAX } from './limits';
import { LedgerError } from './ledger-error';

/** A JSON value. Integers beyond 2^53 do not exist here: 64-bit values are `"0x…"` strings. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A JSON object, the only thing a payload, command or outcome may be at its top. */
export type JsonObject = { readonly [key: string]: JsonValue };

/**
 * The text that is stored for an object: compact, keys in the order given. A member whose value is
 * `undefined` is absent, as in `JSON.stringify`; everything else that JSON would bend silently is
 * refused.
 * @param where names the value in the error, e.g. `events[0].payload`.
 * @throws LedgerError `invalid-draft` for a bigint, an integer beyond ±(2^53 - 1), NaN, an
 *   infinity, a class instance, a hole, or a value that is too long or too deep.
 */
export function encodeJson(value: JsonObject, where: string): string {
  if (!isRecord(value)) throw refused(where, 'is not a JSON object');
  const fault = faultOf(value, 0);
  if (fault !== undefined) throw refused(`${where}${fault.at}`, fault.why);
  const text = JSON.stringify(value);
  if (text.length > JSON_LENGTH_MAX) {
    throw refused(
      where,
      `is ${text.length} characters long, at most ${JSON_LENGTH_MAX} are stored`,
    );
  }
  return text;
}

/**
 * The object a stored text stands for.
 * @param where names the column in the error, e.g. `payload of 7/0`: text, or what gives it, where
 *   it would be put together for nothing most of the time.
 * @throws LedgerError `corrupt` when the text is not a JSON object.
 */
export function decodeJson(text: string, where: string | (() => string)): JsonObject {
  const named = (): string => (typeof where === 'string' ? where : where());
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LedgerError('corrupt', `${named()} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LedgerError('corrupt', `${named()} is not a JSON object`);
  }
  return value as JsonObject;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Asked this way, objects of another realm (a worker, a test sandbox) are plain too.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What JSON cannot hold, and where in the value it stands (`.a[2]`). */
interface Fault {
  readonly at: string;
  readonly why: string;
}

// A fault's place is put together on the way back from it: a value without one, which is nearly
// every value, costs no string.
function faultOf(value: unknown, depth: number): Fault | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      if (!Number.isFinite(value)) return { at: '', why: `is ${value}, which JSON cannot hold` };
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        return { at: '', why: `is ${value}, beyond 2^53 - 1; write it as a "0x…" string` };
      }
      return undefined;
    case 'object':
      return value === null ? undefined : nestedFault(value, depth + 1);
    default:
      return { at: '', why: `is a ${typeof value}, which JSON cannot hold` };
  }
}

function nestedFault(value: object, depth: number): Fault | undefined {
  if (depth > JSON_DEPTH_MAX) return { at: '', why: `is nested deeper than ${JSON_DEPTH_MAX}` };
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const fault = faultOf(value[i], depth);
      if (fault !== undefined) return { ...fault, at: `[${i}]${fault.at}` };
    }
    return undefined;
  }
  if (!isRecord(value)) return { at: '', why: 'is neither a plain object nor an array' };
  for (const key of Object.keys(value)) {
    const member = value[key];
    const fault = member === undefined ? undefined : faultOf(member, depth);
    if (fault !== undefined) return { ...fault, at: `.${key}${fault.at}` };
  }
  return undefined;
}

function refused(where: string, why: string): LedgerError {
  return new LedgerError('invalid-draft', `${where} ${why}`);
}
