import { decodeJson } from './json';
import type { Outcome, StoredCommit, StoredEvent } from './port';

/** A text column: decoded, or the bytes as they are stored. */
export type StoredText = string | Uint8Array;

/** A row of `commits`. */
export interface CommitRow<Text extends StoredText = string> {
  readonly position: number;
  readonly host: Text;
  readonly at: Text;
  readonly actor: Text;
  readonly commandId: Text;
  readonly command: Text;
  readonly commandWords: Uint8Array | null;
  readonly outcome: Text;
  readonly correlationId: Text | null;
  readonly causationId: Text | null;
  readonly prevHash: Text;
  readonly hash: Text;
}

/** A row of `events`. */
export interface EventRow<Text extends StoredText = string> {
  readonly position: number;
  readonly idx: number;
  readonly stream: Text;
  readonly version: number;
  readonly type: Text;
  readonly schema: number;
  readonly payload: Text;
  readonly words: Uint8Array | null;
}

/** @throws LedgerError `corrupt` naming the column when it does not hold what was written there. */
export function decodeCommit(row: CommitRow, events: readonly EventRow[]): StoredCommit {
  return {
    position: row.position,
    host: row.host,
    at: row.at,
    actor: row.actor,
    commandId: row.commandId,
    command: decodeJson(row.command, () => `command of commit ${row.position}`),
    ...(row.commandWords === null ? {} : { commandWords: row.commandWords }),
    outcome: decodeJson(row.outcome, () => `outcome of commit ${row.position}`) as Outcome,
    ...(row.correlationId === null ? {} : { correlationId: row.correlationId }),
    ...(row.causationId === null ? {} : { causationId: row.causationId }),
    prevHash: row.prevHash,
    hash: row.hash,
    events: events.map(decodeEvent),
  };
}

/** @throws LedgerError `corrupt` naming the event when its payload is not a JSON object. */
export function decodeEvent(row: EventRow): StoredEvent {
  const { position, idx, stream, version, type, schema, words } = row;
  const payload = decodeJson(row.payload, () => `payload of event ${position}/${idx}`);
  // One literal each: spreading an optional member took as long as parsing a small payload.
  return words === null
    ? { position, idx, stream, version, type, schema, payload }
    : { position, idx, stream, version, type, schema, payload, words };
}
