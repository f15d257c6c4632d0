import { GENESIS_HASH, type HashedCommit } from './commit-hash';
import { encodeJson } from './json';
import { LedgerError } from './ledger-error';
import { EVENTS_PER_COMMIT_MAX, NAME_LENGTH_MAX, WORDS_BYTES_MAX } from './limits';
import type { CommitDraft, NewEvent, StreamRead } from './port';
import type { EventRow } from './rows';

/**
 * A draft in the bytes that will be stored. What only its place in the log gives it is not known
 * yet: `position` and `version` are 0, `prevHash` is that of a first commit.
 */
export interface EncodedDraft {
  readonly commit: HashedCommit<string>;
  readonly events: readonly EventRow[];
  readonly reads: readonly StreamRead[];
}

// SQLite text ends at a NUL for most tools, and a lone surrogate has no UTF-8: neither would come
// back as it went in.
const UNSTORABLE = /[\0\p{Surrogate}]/u;
const RFC3339_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/;

/**
 * Checks a draft and turns it into what is stored. Copies everything, so the caller may go on using
 * its objects.
 * @throws LedgerError `invalid-draft` naming the first member that can't be stored exactly, or
 *   breaks a rule of CommitDraft.
 */
export function encodeDraft(draft: CommitDraft): EncodedDraft {
  const { outcome, events, reads } = draft;
  if (typeof outcome?.ok !== 'boolean') throw refused('outcome.ok', 'is neither true nor false');
  if (!outcome.ok && events.length > 0) throw refused('events', 'are given with a rejection');
  if (events.length > EVENTS_PER_COMMIT_MAX || reads.length > EVENTS_PER_COMMIT_MAX) {
    throw refused('events or reads', `are more than ${EVENTS_PER_COMMIT_MAX}`);
  }
  return {
    commit: {
      position: 0,
      host: name(draft.host, 'host'),
      at: time(draft.at),
      actor: name(draft.actor, 'actor'),
      commandId: name(draft.commandId, 'commandId'),
      command: encodeJson(draft.command, 'command'),
      commandWords: words(draft.commandWords, 'commandWords'),
      outcome: encodeJson(outcome, 'outcome'),
      correlationId: optionalName(draft.correlationId, 'correlationId'),
      causationId: optionalName(draft.causationId, 'causationId'),
      prevHash: GENESIS_HASH,
    },
    events: events.map(encodeEvent),
    reads: reads.map(checkRead),
  };
}

function encodeEvent(event: NewEvent, idx: number): EventRow {
  const where = `events[${idx}]`;
  if (!Number.isSafeInteger(event.schema) || event.schema < 1) {
    throw refused(`${where}.schema`, `is ${event.schema}, not an integer from 1`);
  }
  return {
    position: 0,
    idx,
    stream: name(event.stream, `${where}.stream`),
    version: 0,
    type: name(event.type, `${where}.type`),
    schema: event.schema,
    payload: encodeJson(event.payload, `${where}.payload`),
    words: words(event.words, `${where}.words`),
  };
}

function checkRead(read: StreamRead, index: number): StreamRead {
  const where = `reads[${index}]`;
  if (!Number.isSafeInteger(read.version) || read.version < 0) {
    throw refused(`${where}.version`, `is ${read.version}, not an integer from 0`);
  }
  return { stream: name(read.stream, `${where}.stream`), version: read.version };
}

function name(value: string, where: string): string {
  if (typeof value !== 'string' || value === '') throw refused(where, 'is not a non-empty string');
  if (value.length > NAME_LENGTH_MAX) {
    throw refused(where, `is longer than ${NAME_LENGTH_MAX} characters`);
  }
  if (UNSTORABLE.test(value)) throw refused(where, 'holds a NUL or half of a surrogate pair');
  return value;
}

function optionalName(value: string | undefined, where: string): string | null {
  return value === undefined ? null : name(value, where);
}

function time(value: string): string {
  if (typeof value !== 'string' || !RFC3339_UTC.test(value) || Number.isNaN(Date.parse(value))) {
    throw refused('at', `is ${JSON.stringify(value)}, not an RFC 3339 time in UTC`);
  }
  return value;
}

function words(value: Uint8Array | undefined, where: string): Uint8Array | null {
  if (value === undefined) return null;
  if (!ArrayBuffer.isView(value)) throw refused(where, 'is not a Uint8Array');
  if (value.byteLength > WORDS_BYTES_MAX) {
    throw refused(
      where,
      `is ${value.byteLength} bytes long, at most ${WORDS_BYTES_MAX} are stored`,
    );
  }
  return Buffer.from(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
}

function refused(where: string, why: string): LedgerError {
  return new LedgerError('invalid-draft', `${where} ${why}`);
}
