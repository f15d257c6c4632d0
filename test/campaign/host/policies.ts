import { sideBySide } from '../../conformance/kernel/policy-differences';
import { rowOf, rowsOnPage, tableOf } from '../../conformance/kernel/policy-page';
import { recordedScenarios } from '../../conformance/kernel/recordings';
import type { Campaign } from '../campaign';

/** Every recording of the kernel under both policies; docs/policies.md must list what is found, no more and no less. */
export const POLICIES: Campaign = {
  name: 'host.policies',
  about:
    'what the policies do differently in the recordings is listed, each by the rule that makes it',
  async run(progress) {
    const scenarios = recordedScenarios();
    const { differences, unexplained } = await sideBySide(scenarios, { progress });
    const [found, page] = [new Set(differences.map(rowOf)), rowsOnPage()];
    const unlisted = [...found].filter((row) => !page.has(row));
    const gone = [...page].filter((row) => !found.has(row));
    const ok = unexplained.length + unlisted.length + gone.length === 0;
    const counts = { scenarios: scenarios.length, differences: differences.length };
    const table = ok ? {} : { table: tableOf(differences) };
    return { ok, ...counts, unexplained, unlisted, gone, ...table };
  },
};
