import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { projectRoot } from './project-root';
import { runSmmuVectors } from './smmu/vectors';
import { playNested } from './traces/play';
import { playBare } from './traces/play-bare';
import { runTraceSuite } from './traces/suite';

const FIXTURES = join(projectRoot(), 'test/fixtures');

describe('conformance', () => {
  test('the hardware model gives every recorded or architectural outcome of the vectors', () => {
    const folder = join(FIXTURES, 'vectors');
    const files = readdirSync(folder).map((name) => ({
      name,
      lines: gunzipSync(readFileSync(join(folder, name)))
        .toString('utf8')
        .split('\n'),
    }));
    const { total, failures, skipped } = runSmmuVectors(files);
    expect(failures).toEqual([]);
    expect(skipped).toBe(0);
    expect(total).toBe(2553);
  });

  test('every recorded guest plays through its own vSMMU as it was recorded', async () => {
    const result = await runTraceSuite([join(FIXTURES, 'traces')], { play: playNested, playBare });
    expect(result.failures).toEqual([]);
    expect(result).toMatchObject({ files: 7, failed: 0, skipped: 0 });
    expect(result.total).toBeGreaterThan(20_000);
  }, 120_000);

  test('a recording whose expectation is wrong fails', async () => {
    const trace = join(FIXTURES, 'traces/guest-identity.qemu-trace.txt.gz');
    const result = await runTraceSuite([trace], {
      playBare,
      play: (recording) => {
        const steps = recording.steps.map((step) =>
          step.kind === 'dma' && step.expect.kind === 'ok'
            ? { ...step, expect: { ...step.expect, ipa: step.expect.ipa + 8 } }
            : step,
        );
        return playNested({ ...recording, steps });
      },
    });
    expect(result.failed).toBe(2607);
  }, 120_000);

  test('a guest without stage 1 whose expectation is wrong fails', async () => {
    const trace = join(FIXTURES, 'traces/guest-two-smmu-stage2-strict.qemu-trace.txt.gz');
    const result = await runTraceSuite([trace], {
      play: playNested,
      playBare: (recording) => {
        const steps = recording.steps.map((step) =>
          step.kind === 'dma' && step.expect.kind === 'ok'
            ? { ...step, expect: { ...step.expect, readable: !step.expect.readable } }
            : step,
        );
        return playBare({ ...recording, steps });
      },
    });
    expect(result.failed).toBe(2768);
  }, 120_000);

  test('an event record that the trace shows otherwise fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'host-trace-'));
    const [name, cmdq] = ['host-nested.qemu-trace.txt.gz', 'host-nested.cmdq.json.gz'];
    const text = gunzipSync(readFileSync(join(FIXTURES, 'traces', name))).toString('utf8');
    const wrong = text.replace('SMMU_EVT_F_PERMISSION sid=0x10', 'SMMU_EVT_F_ACCESS sid=0x18');
    writeFileSync(join(folder, name), gzipSync(wrong));
    copyFileSync(join(FIXTURES, 'traces', cmdq), join(folder, cmdq));
    const result = await runTraceSuite([folder], { play: playNested, playBare });
    rmSync(folder, { recursive: true });
    expect(result).toMatchObject({ total: 1383, failed: 1 });
    expect(result.failures).toMatchObject([
      { expected: 'F_PERMISSION', actual: 'F_ACCESS' },
      { expected: '0x10', actual: '0x18' },
    ]);
  });
});
