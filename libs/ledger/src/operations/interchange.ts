import { z } from 'zod';
import { hashCommit, type HashedCommit } from '../commit-hash';
import { encodeDraft } from '../draft-encoding';
import type { JsonObject } from '../json';
import { LedgerError } from '../ledger-error';
import type { CommitDraft, Outcome, StoredCommit } from '../port';
import type { EventRow } from '../rows';
import type { RecordedDigest } from '../read-models/digests';

// A log as text: one JSON object a line. The first line names the format, then come the commits in
// order, each followed by the digest recorded for it, and the last line says how many there were,
// so that a file cut short is told from a whole one. Binary columns are base64; everything else is
// as it is stored, so that the hashes can be computed again from the text alone.

/** The first line. */
export const HEADER = { steward: 'ledger', format: 1 } as const;

/** Longest line that is read, in UTF-16 code units. */
export const LINE_LENGTH_MAX = 256 * 1024 * 1024;

const json = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected a JSON object',
);
const words = z.base64().optional();
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

const event = z.strictObject({
  ...{ stream: z.string(), version: z.int().positive(), type: z.string() },
  ...{ schema: z.int().positive(), payload: json, words },
});

const commit = z.strictObject({
  ...{ position: z.int().positive(), host: z.string(), at: z.string(), actor: z.string() },
  ...{ commandId: z.string(), command: json, commandWords: words, outcome: json },
  ...{ correlationId: z.string().optional(), causationId: z.string().optional() },
  ...{ prevHash: hash, hash, events: z.array(event) },
});

const digest = z.strictObject({
  ...{ position: z.int().positive(), host: z.string() },
  ...{ machineVersion: z.string(), digest: z.string() },
});

const line = z.union([
  z.strictObject({ commit }),
  z.strictObject({ digest }),
  z.strictObject({ end: z.strictObject({ commits: count, digests: count, hash }) }),
]);

/** What ends a log: how much there was of it, and the hash of its last commit. */
export interface LogEnd {
  readonly commits: number;
  readonly digests: number;
  readonly hash: string;
}

/** A line after the first. */
export type LogLine =
  | { readonly commit: StoredCommit }
  | { readonly digest: RecordedDigest }
  | { readonly end: LogEnd };

export function formatLine(given: LogLine | typeof HEADER): string {
  return `${JSON.stringify('commit' in given ? { commit: textual(given.commit) } : given)}\n`;
}

/** @throws LedgerError `bad-export` naming the line and what is wrong with it. */
export function parseLine(text: string, number: number): LogLine {
  const parsed = line.safeParse(parseJson(text, number));
  if (!parsed.success) throw badLine(number, z.prettifyError(parsed.error).replaceAll('\n', ' '));
  if (!('commit' in parsed.data)) return parsed.data;
  const { commandWords, outcome, events, ...columns } = parsed.data.commit;
  const { position } = columns;
  return {
    commit: {
      ...defined(columns),
      ...bytesOf('commandWords', commandWords),
      outcome: outcome as Outcome,
      events: events.map(({ words: text64, ...rest }, idx) => {
        return { ...rest, position, idx, ...bytesOf('words', text64) };
      }),
    },
  };
}

/** @throws LedgerError `bad-export` when the first line is not that of a format known here. */
export function checkHeader(text: string): void {
  const given = parseJson(text, 1) as Partial<typeof HEADER> | null;
  if (given?.steward !== HEADER.steward) throw badLine(1, 'it does not begin a log');
  if (given.format !== HEADER.format) {
    throw badLine(1, `format ${JSON.stringify(given.format)}; known is ${HEADER.format}`);
  }
}

export function badLine(number: number, why: string): LedgerError {
  return new LedgerError('bad-export', `line ${number}: ${why}`);
}

/** A stored commit as the draft it was. */
export function draftOf(stored: StoredCommit): CommitDraft {
  const { position: _, prevHash: __, hash: ___, events, ...columns } = stored;
  return {
    ...columns,
    reads: [],
    events: events.map(({ position: ____, idx: _____, version: ______, ...given }) => given),
  };
}

/**
 * The hash that a commit with these values bears when they are stored as this ledger stores them.
 * @throws LedgerError `invalid-draft` when they can't be.
 */
export function hashOfStored(stored: StoredCommit): string {
  const { commit: row, events } = storedRowsOf(stored);
  return hashCommit(row, events);
}

/** The rows that hold a commit with these values. @throws LedgerError `invalid-draft` when none can. */
export function storedRowsOf(stored: StoredCommit): {
  readonly commit: HashedCommit<string>;
  readonly events: readonly EventRow[];
} {
  const { position, prevHash } = stored;
  const encoded = encodeDraft(draftOf(stored));
  const events = encoded.events.map((row, i) => {
    return { ...row, position, version: stored.events[i]?.version ?? 0 };
  });
  return { commit: { ...encoded.commit, position, prevHash }, events };
}

function textual({ commandWords, events, ...columns }: StoredCommit): object {
  return {
    ...columns,
    ...(commandWords && { commandWords: base64(commandWords) }),
    events: events.map(({ position: _, idx: __, words: bulk, ...rest }) => {
      return { ...rest, ...(bulk && { words: base64(bulk) }) };
    }),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function bytesOf<Key extends string>(
  key: Key,
  text: string | undefined,
): { readonly [K in Key]?: Uint8Array } {
  return text === undefined ? {} : ({ [key]: Buffer.from(text, 'base64') } as Record<Key, Buffer>);
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(value: T): Defined<T> {
  const given = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(given) as Defined<T>;
}

/** @throws LedgerError `bad-export` naming the line. */
export function parseJson(text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badLine(number, `not JSON: ${(error as Error).message}`);
  }
}
