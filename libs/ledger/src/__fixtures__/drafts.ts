import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { AppendResult, CommitDraft, Ledger, NewEvent, StoredCommit } from '../port';

/** The migrations this release ships. */
export const MIGRATIONS = resolve(__dirname, '../../../../migrations');

/** A directory that is removed after the test that asked for it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'steward-ledger-'));
  directories.push(directory);
  return directory;
}

const directories: string[] = [];

/** To be called in `afterEach`. */
export function removeTemporaryDirectories(): void {
  for (const directory of directories.splice(0)) {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** An event with a payload that says which one it is. */
export function event(stream: string, n = 0, more: Partial<NewEvent> = {}): NewEvent {
  return {
    stream,
    type: 'Counted',
    schema: 1,
    payload: { n, word: '0xffffffffffffffff' },
    ...more,
  };
}

/** An accepted command with one event, each part of which a test may replace. */
export function draft(id: string, more: Partial<CommitDraft> = {}): CommitDraft {
  return {
    host: 'host-1',
    at: '2026-01-31T12:00:00.000Z',
    actor: 'operator',
    commandId: id,
    command: { type: 'Count', id },
    outcome: { ok: true },
    reads: [],
    events: [event('counter/1')],
    ...more,
  };
}

/** Appends and expects it to be accepted. */
export async function appended(ledger: Ledger, commit: CommitDraft): Promise<StoredCommit> {
  const result: AppendResult = await ledger.append(commit);
  if (result.kind !== 'appended') throw new Error(`expected appended, got ${result.kind}`);
  return result.commit;
}

/** Everything an async iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
