import type { Command, DomainEvent } from './aggregates';
import { schemaOf, upcast, type VersionedEvent } from './evolution/upcasting';

/** A command or event as the ledger stores it: a JSON payload and bulk words beside it. */
export interface Stored {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** 64-bit words, little-endian. */
  readonly words?: Uint8Array;
}

const WORD_BYTES = 8;
/** Words of a typed array lie in memory as they are stored. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export function toStored(value: Command | DomainEvent): Stored {
  const { type, ...rest } = value as { type: string; words?: BigUint64Array };
  const { words, ...payload } = rest;
  return words === undefined ? { type, payload } : { type, payload, words: bytesOf(words) };
}

/** An event as it is stored now: in the present version of its type. */
export function toStoredEvent(event: DomainEvent): VersionedEvent {
  return { schema: schemaOf(event.type), ...toStored(event) };
}

/**
 * The event that `stored` holds, in the present version of its type. The ledger gives back what was
 * appended and `verify` proves it, so the shape is trusted; `evolve` rejects an impossible history.
 * @throws UnknownEventVersionError for a version that a later release wrote.
 */
export function eventOf(stored: VersionedEvent): DomainEvent {
  return restore(upcast(stored)) as unknown as DomainEvent;
}

export function commandOf(stored: Stored): Command {
  return restore(stored) as unknown as Command;
}

function restore({ type, payload, words }: Stored): Record<string, unknown> {
  const value: Record<string, unknown> = { ...payload, type };
  if (words !== undefined) value['words'] = wordsOf(words);
  return value;
}

/** A copy of the words as bytes, little-endian. */
export function bytesOf(words: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(words.length * WORD_BYTES);
  if (LITTLE_ENDIAN) {
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
    return bytes;
  }
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setBigUint64(i * WORD_BYTES, word, true));
  return bytes;
}

/**
 * Little-endian bytes as words: the bytes themselves where they have a buffer of their own, otherwise a copy.
 * @throws RangeError when the bytes are not whole 64-bit words.
 */
export function wordsOf(bytes: Uint8Array): BigUint64Array {
  if (bytes.length % WORD_BYTES !== 0) {
    throw new RangeError(`${bytes.length} bytes are not whole 64-bit words`);
  }
  if (LITTLE_ENDIAN) {
    // Bytes that are part of something larger may begin where no word may, and would keep all of it alive.
    const alone = bytes.byteOffset === 0 && bytes.buffer.byteLength === bytes.length;
    return new BigUint64Array(alone ? bytes.buffer : new Uint8Array(bytes).buffer);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return BigUint64Array.from({ length: bytes.length / WORD_BYTES }, (_, i) =>
    view.getBigUint64(i * WORD_BYTES, true),
  );
}
