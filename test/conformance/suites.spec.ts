import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from './project-root';
import { runSmmuVectors } from './smmu/vectors';
import { playNested } from './traces/play';
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
    const result = await runTraceSuite([join(FIXTURES, 'traces')], { play: playNested });
    expect(result.failures).toEqual([]);
    expect(result).toMatchObject({ files: 4, failed: 0, skipped: 0 });
    expect(result.total).toBeGreaterThan(10_000);
  }, 120_000);

  test('a recording whose expectation is wrong fails', async () => {
    const trace = join(FIXTURES, 'traces/guest-identity.qemu-trace.txt.gz');
    const result = await runTraceSuite([trace], {
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
});
