import { POLICY_RULES } from '@steward/host';
import { sideBySide } from './policy-differences';
import { rowOf, rowsOnPage } from './policy-page';
import { recordedScenarios } from './recordings';

/** One scenario of each recording, and not the longest. `npm run campaign -- host.policies` plays them all. */
const PLAYED = [
  ...['alloc', 'attach_rules', 'cross_smmu', 'destroy_order', 'hw_info'],
  ...['nested_dma', 'veventq', 'vste_sweep'],
].flatMap((file) => recordedScenarios(file).slice(0, 1));
const WITH_ATS = recordedScenarios('physical_ste').filter(({ run, scenario }) => {
  return run === 'B' && scenario === 'phys_ste_ats0';
});
const LARGE_UNMAP = recordedScenarios('s2_fanout').filter(({ run, scenario }) => {
  return run === 'C' && /all dev nested S1|nobody/.test(scenario);
});

describe('the recordings under v2-2024-08', () => {
  it('differ in what its rules say and in nothing else, each way listed in docs/policies.md', async () => {
    const { differences, unexplained } = await sideBySide([...PLAYED, ...WITH_ATS, ...LARGE_UNMAP]);
    expect(unexplained).toEqual([]);
    const page = rowsOnPage();
    expect(differences.map(rowOf).filter((row) => !page.has(row))).toEqual([]);
    // The others need a PASID, or an unmap below an ATS device that is on a parent itself.
    const rare = ['pasidsInUse', 'parentAtc'];
    const shown = new Set(differences.map(({ rule }) => rule));
    const expected = Object.keys(POLICY_RULES.mainline).filter((rule) => !rare.includes(rule));
    expect([...shown].sort()).toEqual(expected.sort());
  }, 120_000);

  it('would be seen to differ, were there something that is no rule', async () => {
    const scenarios = recordedScenarios('hw_info').slice(0, 1);
    const { unexplained } = await sideBySide(scenarios, { last: 'mainline' });
    expect(unexplained).toContain('A/hw_info, step 3');
  });
});
