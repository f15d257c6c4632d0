import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttachmentSpans } from '@steward/audit';
import { bytesOf } from '@steward/domain';
import { ReadModels, SnapshotStore, SqliteLedger } from '@steward/ledger';
import type { Effect, JsonObject } from '@steward/ledger';
import { Machine, type MachineEffect } from '@steward/machine';
import { machineCommit, Snapshots, SnapshotTaker, type LoggedHistory } from '@steward/replay';
import { projectRoot } from '../../conformance/project-root';
import { LongLedger } from './long-ledger';

/** Commits whose spans share a transaction. */
const BATCH = 4096;

/** A long ledger on disk with its snapshots and attachment spans, as a long run leaves them. */
export interface LongHistory extends LoggedHistory {
  readonly snapshots: Snapshots;
  readonly store: SnapshotStore;
  readonly readModels: ReadModels;
  readonly latest: number;
}

let kept: { readonly events: number; readonly history: Promise<LongHistory> } | undefined;

/** The history with so many events: made once, gone when the process ends. */
export function longHistory(events: number): Promise<LongHistory> {
  if (kept?.events !== events) kept = { events, history: make(events) };
  return kept.history;
}

async function make(events: number): Promise<LongHistory> {
  const folder = mkdtempSync(join(tmpdir(), 'steward-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const place = { file: join(folder, 'ledger.db'), migrations: join(projectRoot(), 'migrations') };
  const ledger = await SqliteLedger.open({ ...place, mode: 'create' });
  await LongLedger.fill(ledger, events);
  const store = SnapshotStore.open(place.file);
  await new SnapshotTaker(ledger, store).advance();
  const readModels = ReadModels.open({ ...place, mode: 'write' });
  await writeSpans(ledger, readModels);
  await ledger.close();
  const reader = await SqliteLedger.open({ ...place, mode: 'read' });
  const latest = await reader.latest();
  return { ledger: reader, snapshots: new Snapshots(store), store, readModels, latest };
}

async function writeSpans(ledger: SqliteLedger, models: ReadModels): Promise<void> {
  const machine = new Machine({ coherence: false });
  const spans = new AttachmentSpans(models);
  let waiting: (() => void)[] = [];
  const write = (): void => {
    models.transaction(() => waiting.forEach((one) => one()));
    waiting = [];
  };
  for await (const commit of ledger.commits()) {
    const { effects } = machine.apply(machineCommit(commit));
    if (!commit.events.some(({ stream }) => stream.startsWith('device/'))) continue;
    const host = machine.host(commit.host);
    const stes = new Map(
      commit.events
        .filter(({ stream }) => stream.startsWith('device/'))
        .map(({ stream }) => stream.slice('device/'.length))
        .map((device) => [device, host.physicalSte(device)]),
    );
    const rows = effects.map(stored);
    waiting.push(() => spans.project(commit, (device) => stes.get(device) ?? [], rows));
    if (waiting.length === BATCH) write();
  }
  write();
}

function stored({ kind, payload, words }: MachineEffect): Effect {
  return { kind, payload: payload as unknown as JsonObject, words: bytesOf(words) };
}
