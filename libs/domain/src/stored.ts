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
  return { ...payload, type, ...(words !== undefined && { words: wordsOf(words) }) };
}

export function bytesOf(words: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(words.length * WORD_BYTES);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setBigUint64(i * WORD_BYTES, word, true));
  return bytes;
}

/** @throws RangeError when the bytes are not whole 64-bit words. */
export function wordsOf(bytes: Uint8Array): BigUint64Array {
  if (bytes.length % WORD_BYTES !== 0) {
    throw new RangeError(`${bytes.length} bytes are not whole 64-bit words`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return BigUint64Array.from({ length: bytes.length / WORD_BYTES }, (_, i) =>
    view.getBigUint64(i * WORD_BYTES, true),
  );
}
