import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { SqliteLedger } from '@steward/ledger';
import { projectRoot } from '../../conformance/project-root';
import { against, type Measured, type Measurement } from '../measurement';
import { median } from '../timing';

const COMMITS = { full: 30_000, quick: 5000 } as const;
const EVENTS = 3;
const ROUNDS = 5;
const PAGE = 512;
const migrations = (): string => join(projectRoot(), 'migrations');

async function fill(file: string, commits: number): Promise<void> {
  const ledger = await SqliteLedger.open({ file, migrations: migrations(), mode: 'create' });
  const payload = (n: number): { n: number; text: string } => ({ n, text: 'x'.repeat(276) });
  for (let n = 0; n < commits;) {
    const group = Array.from({ length: Math.min(500, commits - n) }, (_, i) => n + i);
    await Promise.all(
      group.map((k) =>
        ledger.append({
          ...{ host: 'host', at: '2026-01-31T12:00:00.000Z', actor: 'bench', commandId: `c${k}` },
          ...{ command: { type: 'Count', k }, outcome: { ok: true }, reads: [] },
          events: Array.from({ length: EVENTS }, (_, i) => ({
            ...{
              stream: `counter/${k % 97}-${i}`,
              type: 'Counted',
              schema: 1,
              payload: payload(k),
            },
          })),
        }),
      ),
    );
    n += group.length;
  }
  await ledger.close();
}

async function readRate(file: string): Promise<number> {
  const ledger = await SqliteLedger.open({ file, migrations: migrations(), mode: 'read' });
  const start = performance.now();
  let events = 0;
  for await (const commit of ledger.commits()) events += commit.events.length;
  const seconds = (performance.now() - start) / 1000;
  await ledger.close();
  return events / seconds;
}

/** The same rows, in pages, each payload parsed: nothing checked, no commits put together. */
function rawRate(file: string): number {
  const db = new Database(file, { readonly: true });
  const page = db.prepare<[number, number, number], { position: number; payload: string }>(
    'SELECT position, idx, stream, version, type, schema, payload, words FROM events WHERE position > ? AND position <= ? ORDER BY position, idx LIMIT ?',
  );
  const latest = db.prepare('SELECT max(position) FROM commits').pluck().get() as number;
  const start = performance.now();
  let events = 0;
  for (let after = 0; after < latest; after += PAGE) {
    for (const row of page.all(after, after + PAGE, -1)) {
      JSON.parse(row.payload);
      events++;
    }
  }
  const seconds = (performance.now() - start) / 1000;
  db.close();
  return events / seconds;
}

/** Events read and decoded in order. */
export const LEDGER_READ: Measurement = {
  name: 'ledger.read',
  measure: async ({ quick }): Promise<Measured> => {
    const folder = mkdtempSync(join(tmpdir(), 'steward-bench-'));
    const file = join(folder, 'ledger.db');
    const commits = quick ? COMMITS.quick : COMMITS.full;
    try {
      await fill(file, commits);
      const [mine, raw]: [number[], number[]] = [[], []];
      for (let round = 0; round < ROUNDS; round++) {
        mine.push(await readRate(file));
        raw.push(rawRate(file));
      }
      const n = commits * EVENTS;
      return against(
        { name: 'ledger.read', value: median(mine), unit: 'events/s', better: 'higher', n },
        { name: 'raw SELECT and JSON.parse', value: median(raw) },
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
