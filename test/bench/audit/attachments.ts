import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReadModels, SqliteLedger } from '@steward/ledger';
import type { NewAttachmentSpan } from '@steward/ledger';
import { projectRoot } from '../../conformance/project-root';
import type { Measured, Measurement } from '../measurement';

/** As many spans as a ledger of 1,000,000 events has where every fifth event is an attach. */
const SPANS = { full: 200_000, quick: 20_000 } as const;
const DEVICES = 1000;
const QUESTIONS = 200;

/** Milliseconds to one device's whole history, and to who had what at a position, asked in turns. */
export const ATTACHMENTS: Measurement = {
  name: 'audit.attachments',
  measure: async ({ quick }) => {
    const folder = mkdtempSync(join(tmpdir(), 'steward-bench-'));
    const place = {
      file: join(folder, 'ledger.db'),
      migrations: join(projectRoot(), 'migrations'),
    };
    try {
      await (await SqliteLedger.open({ ...place, mode: 'create' })).close();
      const models = ReadModels.open({ ...place, mode: 'write' });
      const measured = ask(models, SPANS[quick ? 'quick' : 'full']);
      models.close();
      return measured;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function ask(models: ReadModels, spans: number): Measured {
  fill(models, spans);
  const times: number[] = [];
  for (let n = 0; n < QUESTIONS; n++) {
    const started = performance.now();
    const device = `d${(n * 7919) % DEVICES}`;
    const at = 1 + ((n * 104_729) % spans);
    models.attachments.find(n % 2 === 0 ? { device } : { device, at });
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const percentile = (p: number): number => times[Math.floor((times.length - 1) * p)] ?? 0;
  const [p50, p99] = [percentile(0.5), percentile(0.99)];
  const note = `${spans} spans of ${DEVICES} devices; limit 100 ms`;
  const figures = {
    value: p50,
    unit: 'ms',
    better: 'lower',
    n: QUESTIONS,
    p50,
    p99,
    note,
  } as const;
  return { name: 'audit.attachments', ...figures };
}

function fill(models: ReadModels, spans: number): void {
  const words = Array.from({ length: 8 }, () => '0x0123456789abcdef');
  models.transaction(() => {
    for (let position = 1; position <= spans; position++) {
      const device = `d${position % DEVICES}`;
      const commit = { fromPosition: position, fromAt: '2026-01-31T12:00:00.000Z' };
      const end = { toPosition: position, toAt: commit.fromAt, endedBy: `c${position}` };
      models.attachments.end(device, end);
      const span: NewAttachmentSpan = {
        ...{ device, pasid: null, vm: `v${position % 100}`, domain: `n${position}` },
        ...{ kind: 'nested-domain', parent: 'p', vsmmu: 'vs', vste0: '0xb', vste1: '0x0' },
        ...{ ste: words, steBefore: words, stesAtSync: [words, words], vmid: 1, asid: null },
        ...{
          ats: false,
          actor: 'ann',
          beganBy: `c${position}`,
          command: 'AttachDevice',
          ...commit,
        },
      };
      models.attachments.begin(span);
    }
  });
}
