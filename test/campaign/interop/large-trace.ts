import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '../../conformance/project-root';
import type { Campaign, CampaignReport } from '../campaign';

/** What an import of a text that is larger than that may take of memory. */
const RSS_MAX = 300 * 2 ** 20;
const GIB = 2 ** 30;

/** A recorded trace, repeated: each time the machine resets and boots again. */
export const LARGE_TRACE: Campaign = {
  name: 'interop.large-trace',
  about:
    'a trace of 1 GiB (--cases N: N repeats instead) imports in at most 300 MB of memory, every line known',
  run: (_, { cases }) => {
    const folder = mkdtempSync(join(tmpdir(), 'steward-trace-'));
    try {
      return importRepeated(folder, cases);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function importRepeated(folder: string, repeats: number | undefined): CampaignReport {
  const root = projectRoot();
  const packed = join(root, 'test/fixtures/traces/guest-strict.qemu-trace.txt.gz');
  const once = gunzipSync(readFileSync(packed));
  const boots = repeats ?? Math.ceil(GIB / once.length);
  const file = join(folder, 'large.qemu-trace.txt');
  const target = openSync(file, 'w');
  for (let n = 0; n < boots; n++) writeSync(target, once);
  closeSync(target);
  const args = ['import', 'qemu-trace', file, '--json', '--out', join(folder, 'out.json.gz')];
  const started = performance.now();
  const ended = spawnSync(join(root, 'bin/steward'), args, { encoding: 'utf8' });
  const seconds = Math.round((performance.now() - started) / 1000);
  if (ended.status !== 0) return { ok: false, boots, stderr: ended.stderr };
  const report = JSON.parse(ended.stdout) as {
    readonly boots: number;
    readonly lines: number;
    readonly unknown: object;
    readonly translations: number;
    readonly peakRssBytes: number;
  };
  const { lines, translations, peakRssBytes } = report;
  const expected = once.toString('latin1').split('\n').length - 1;
  const ok =
    report.boots === boots &&
    lines === boots * expected &&
    Object.keys(report.unknown).length === 0 &&
    peakRssBytes <= RSS_MAX;
  return { ok, boots, bytes: boots * once.length, lines, translations, peakRssBytes, seconds };
}
