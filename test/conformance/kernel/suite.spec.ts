import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Machine, type MachineEffect } from '@steward/machine';
import { machineCommit } from '@steward/replay';
import { projectRoot } from '../project-root';
import type { GroundTruth, Scenario, Step } from './recording-format';
import { isKernelFile, playScenario, runKernelSuite, type KernelFile } from './suite';

const FOLDER = join(projectRoot(), 'test/fixtures/ground-truth');
/** Of the long random sequences every so many are played here; the runner plays them all. */
const RANDOM_STRIDE = 5;

function contentOf(name: string): unknown {
  const bytes = readFileSync(join(FOLDER, name));
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
}

function scenariosOf(name: string): readonly Scenario[] {
  return (contentOf(name) as GroundTruth).scenarios;
}

function scenario(file: string, id: string): Scenario {
  const found = scenariosOf(file).find((one) => `${one.run}/${one.scenario}` === id);
  if (found === undefined) throw new Error(`no scenario ${id}`);
  return found;
}

/** The scenario with one of its steps changed. */
function changed(from: Scenario, n: number, change: (step: Step) => Step): Scenario {
  const list = (from.sequence ?? from.ops ?? []).map((step) =>
    step.n === n ? change(step) : step,
  );
  return from.sequence ? { ...from, sequence: list } : { ...from, ops: list };
}

const played = async (content: Scenario) =>
  runKernelSuite([{ name: 'changed', content: { scenarios: [content] } }]);

describe('the recordings of a kernel', () => {
  test('are reproduced in errno, answers, commands, STEs, events and DMA', async () => {
    const files: KernelFile[] = readdirSync(FOLDER).flatMap((name) => {
      const content = contentOf(name);
      if (!isKernelFile(content)) return [];
      if (!name.startsWith('random')) return [{ name, content }];
      const scenarios = (content as GroundTruth).scenarios;
      return [
        { name, content: { scenarios: scenarios.filter((_, i) => i % RANDOM_STRIDE === 0) } },
      ];
    });
    const { total, failures, skipped } = await runKernelSuite(files);
    expect(failures).toEqual([]);
    expect(skipped).toBe(0);
    expect(total).toBeGreaterThan(4000);
  }, 120_000);

  const FANOUT = 'A/s2_unmap_fanout/1 dev nested S1';
  const fanout = (): Scenario => scenario('s2_fanout.json.gz', FANOUT);

  test.each<[string, (step: Step) => Step, string]>([
    ['errno', (step) => ({ ...step, errno: 'EBUSY' }), 'errno'],
    ['an answer', (step) => ({ ...step, out: { length: '0x2000' } }), 'out.length'],
    ['a command', (step) => ({ ...step, cmds: (step.cmds ?? []).slice(1) }), 'cmds'],
    ['an event', (step) => ({ ...step, hw_events: ['0 0 0 0'] }), 'hw_events'],
  ])('fail when %s is another', async (_what, change, field) => {
    const unmap = (fanout().sequence ?? []).find((step) => step.case === 'unmap 4K');
    const { failed, failures } = await played(changed(fanout(), unmap!.n, change));
    expect(failed).toBe(1);
    expect(failures[0]?.step).toBe(`${unmap!.n} ${field}`);
  });

  test('fail when an STE that two steps share is another in one of them', async () => {
    const bound = (fanout().sequence ?? []).find((step) => step.op === 'VFIO_ATTACH');
    const swap = (ste: readonly string[]): string[] => [...ste.slice(0, 3), '0000000040abc000'];
    const { failures } = await played(
      changed(fanout(), bound!.n, (step) => ({
        ...step,
        ste_at_sync: (step.ste_at_sync ?? []).map((entry, i) =>
          i === 0 ? { ...entry, ste: swap(entry.ste) } : entry,
        ),
      })),
    );
    expect(failures.map(({ step }) => String(step))).toContain(`${bound!.n} ste_at_sync`);
  });

  test('replay from the ledger gives the hardware the same commands, word for word', async () => {
    const { pipeline } = await playScenario(scenario('random.json.gz', 'D/random/36'));
    const live = new Machine();
    const again: string[] = [];
    for await (const commit of pipeline.ledger.commits({ after: 0 })) {
      again.push(...live.apply(machineCommit(commit)).effects.flatMap(commandLines));
    }
    expect(again.length).toBeGreaterThan(300);
    expect(again).toEqual(pipeline.everyEffect.flatMap(commandLines));
    expect(live.digest()).toBe(pipeline.machine.digest());
  });
});

function commandLines(effect: MachineEffect): string[] {
  if (effect.kind !== 'commands') return [];
  const words = [...effect.words].map((word) => word.toString(16).padStart(16, '0'));
  return words.flatMap((word, i) =>
    i % 2 === 0 ? [`${effect.payload.smmu} ${word} ${words[i + 1]}`] : [],
  );
}
