import type { SuiteResult } from '../suite-result';
import type { Policy } from '@steward/domain';
import { HardwareObserver, type Difference } from './observation';
import { playKunit, type KunitFile } from './kunit';
import { Pipeline } from './pipeline';
import { Player } from './player';
import type { Played } from './played';
import { stepsOf, type GroundTruth, type Scenario, type Step } from './recording-format';
import { Renaming } from './renaming';
import { boot, SET_UPS } from './set-ups';

export interface KernelFile {
  readonly name: string;
  readonly content: GroundTruth | KunitFile | object;
}

export interface KernelFailure {
  readonly id: string;
  readonly step: number | string;
  readonly expected: unknown;
  readonly actual: unknown;
}

export type KernelResult = SuiteResult<KernelFailure>;

/** Plays every scenario of the files on a machine of its own. @param only id of the one scenario to play. */
export async function runKernelSuite(
  files: readonly KernelFile[],
  { only }: { readonly only?: string } = {},
): Promise<KernelResult> {
  let [total, failed] = [0, 0];
  const failures: KernelFailure[] = [];
  const count = (id: string, step: number | string, differences: readonly Difference[]): void => {
    total += 1;
    if (differences.length > 0) failed += 1;
    for (const { field, expected, actual } of differences) {
      failures.push({ id, step: `${step} ${field}`, expected, actual });
    }
  };
  for (const { content } of files) {
    if ('cases' in content) {
      for (const { id, step, differences } of playKunit(content)) {
        if (only === undefined || only === id) count(id, step, differences);
      }
    }
    if (!('scenarios' in content)) continue;
    for (const scenario of content.scenarios) {
      const id = `${scenario.run}/${scenario.scenario}`;
      if (only !== undefined && only !== id) continue;
      for (const { step, differences } of (await playScenario(scenario)).results) {
        count(id, step.n, differences);
      }
    }
  }
  return { total, passed: total - failed, failed, skipped: 0, failures, skips: [] };
}

/** Whether a file is one of the suite's: scenarios or the KUnit cases. */
export function isKernelFile(content: unknown): content is KernelFile['content'] {
  if (typeof content !== 'object' || content === null) return false;
  return 'scenarios' in content || 'cases' in content;
}

/** Plays one scenario and compares step by step. @throws RangeError for a set-up that no letter names. */
export async function playScenario(
  scenario: Scenario,
  policy: Policy = 'mainline',
): Promise<{
  readonly results: readonly { readonly step: Step; readonly differences: readonly Difference[] }[];
  readonly pipeline: Pipeline;
}> {
  const setUp = SET_UPS[scenario.run];
  if (setUp === undefined) throw new RangeError(`no set-up is called ${scenario.run}`);
  const pipeline = new Pipeline(setUp);
  for (const command of boot(setUp, policy)) {
    const { errno } = await pipeline.execute(command);
    if (errno !== undefined) throw new Error(`${command.type}: ${errno}`);
  }
  const player = new Player(
    pipeline,
    setUp.devices.map(({ name }) => name),
  );
  await player.prepare();
  pipeline.take();
  const hardware = new HardwareObserver(pipeline, setUp, new Renaming());
  const results = [];
  for (const step of stepsOf(scenario)) {
    const played = await player.play(step);
    const { differences } = hardware.compare(step, isSummary(step));
    results.push({ step, differences: [...answerDifferences(step, played), ...differences] });
  }
  return { results, pipeline };
}

/** A call of thousands of commands is recorded by its answer alone, without even its target. */
function isSummary(step: Step): boolean {
  return step.op === 'HWPT_INVALIDATE' && step.in['target'] === undefined;
}

function answerDifferences(step: Step, played: Played): Difference[] {
  const differences: Difference[] = [];
  if (step.errno !== played.errno) {
    differences.push({ field: 'errno', expected: step.errno, actual: played.errno });
  }
  for (const [field, expected] of Object.entries(step.out)) {
    const actual = played.out[field];
    if (JSON.stringify(expected) === JSON.stringify(actual)) continue;
    differences.push({ field: `out.${field}`, expected, actual });
  }
  return differences;
}
