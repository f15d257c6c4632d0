import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { PolicyRules } from '@steward/domain';
import { STE, commandName } from '@steward/smmu';
import { projectRoot } from '../project-root';
import type { Difference } from './observation';
import { words, type GroundTruth, type Scenario, type Step } from './recording-format';
import { playScenario } from './suite';

const FOLDER = join(projectRoot(), 'test/fixtures/ground-truth');
const FILES = ['s2_fanout.json.gz', 'transitions.json.gz'];

/** The recording as a VMM would play it that allocates nested domains where `v2-2024-08` has them: on the parent. */
function onParents(scenario: Scenario): Scenario {
  const parents = new Map<string, unknown>();
  const moved = (step: Step): Step => {
    const id = step.out['id'];
    if (step.op === 'VIOMMU_ALLOC' && id !== undefined) parents.set(String(id), step.in['hwpt']);
    const parent = parents.get(String(step.in['pt']));
    if (step.op !== 'HWPT_ALLOC' || parent === undefined) return step;
    return { ...step, in: { ...step.in, pt: parent as string } };
  };
  const { sequence, ops } = scenario;
  return {
    ...scenario,
    ...(sequence && { sequence: sequence.map(moved) }),
    ...(ops && { ops: ops.map(moved) }),
  };
}

/** What a difference is about, without the words that every recording has of its own. */
function signature({ op }: Step, { field, expected, actual }: Difference): string {
  if (field === 'errno') return `${op} ${String(expected)} → ${String(actual)}`;
  if (field.startsWith('ste')) return `STE ${steFields(expected, actual)}`;
  if (!field.startsWith('cmds')) return `${op} ${field}`;
  const [before, after] = [expected, actual].map((list) => (list as string[]).map(nameOf));
  const gone = without(before!, after!);
  const added = without(after!, before!);
  return `${op}: ${gone || 'nothing'} → ${added || 'nothing'}`;
}

/** Names that one list has more often than the other, each once; CMD_SYNC goes with every group and says nothing. */
function without(list: readonly string[], other: readonly string[]): string {
  const count = (names: readonly string[], name: string): number =>
    names.filter((one) => one === name).length;
  const names = [...new Set(list)].filter((name) => count(list, name) > count(other, name));
  return names
    .filter((name) => name !== 'SYNC')
    .sort()
    .join(' ');
}

function nameOf(line: string): string {
  const [word0 = 0n, word1 = 0n] = words(line);
  return commandName([word0, word1]) ?? line;
}

/** The fields in which two lists of recorded STEs differ, place by place. */
function steFields(expected: unknown, actual: unknown): string {
  const [before, after] = [expected, actual].map((entries) => {
    return JSON.stringify(entries).match(/[0-9a-f]{16}/g) ?? [];
  });
  if (before!.length !== after!.length) return 'steps';
  const fields = Object.keys(STE.fields) as (keyof typeof STE.fields)[];
  const found = new Set<string>();
  for (const [i, word] of before!.entries()) {
    const changed = BigInt(`0x${word}`) ^ BigInt(`0x${after![i]}`);
    for (const field of changed === 0n ? [] : fields) {
      if (STE.mask(field).some((mask) => mask === (mask & changed) && mask !== 0n)) {
        found.add(field);
      }
    }
  }
  return [...found].join(' ');
}

/** Every way in which the recordings go differently, and the rule it comes from. */
const EXPLAINED: Readonly<Record<string, keyof PolicyRules>> = {
  // There are no vIOMMUs, so there is nothing to make a vDEVICE in.
  'VIOMMU_ALLOC OK → EOPNOTSUPP': 'nestedOn',
  'VIOMMU_ALLOC out.id': 'nestedOn',
  'VDEVICE_ALLOC OK → ENOENT': 'nestedOn',
  'VDEVICE_ALLOC out.id': 'nestedOn',
  // EATS must be 0.
  'HWPT_ALLOC OK → EIO': 'vsteEatsMax',
  'HWPT_ALLOC out.id': 'vsteEatsMax',
  // Merged events are not forced on the guest.
  'STE MEV': 'nestedMev',
  // A domain is told of every change, used or not, and flushed at its end instead of when its last device leaves.
  'IOAS_UNMAP: nothing → TLBI_NH_ALL TLBI_S2_IPA': 'tagHeldBy',
  'VFIO_BIND: TLBI_NH_ASID → nothing': 'tagHeldBy',
  'VFIO_CLOSE: TLBI_NH_ASID → nothing': 'tagHeldBy',
  'VFIO_CLOSE: TLBI_S12_VMALL → nothing': 'tagHeldBy',
  'IOMMU_CLOSE: nothing → TLBI_S12_VMALL': 'tagHeldBy',
  'IOMMU_CLOSE: nothing → TLBI_NH_ASID TLBI_S12_VMALL': 'tagHeldBy',
  // Without range invalidation, a large unmap goes page by page.
  'IOAS_UNMAP: TLBI_S12_VMALL → TLBI_NH_ALL TLBI_S2_IPA': 'longRange',
  'IOAS_UNMAP: TLBI_NH_ASID → TLBI_NH_ALL TLBI_NH_VA TLBI_S2_IPA': 'longRange',
};

describe('the recordings under v2-2024-08', () => {
  it('differ in what the policy’s rules say, and in nothing else', async () => {
    const seen = new Set<string>();
    for (const file of FILES) {
      const content = JSON.parse(gunzipSync(readFileSync(join(FOLDER, file))).toString('utf8'));
      for (const scenario of (content as GroundTruth).scenarios) {
        for (const { step, differences } of await compared(scenario)) {
          for (const difference of differences) seen.add(signature(step, difference));
        }
      }
    }
    expect([...seen].sort()).toEqual(Object.keys(EXPLAINED).sort());
  }, 60_000);
});

/** The steps of a scenario up to the first that is refused a domain: all behind it differs because of that. */
async function compared(scenario: Scenario) {
  const { results } = await playScenario(onParents(scenario), 'v2-2024-08');
  const refused = results.findIndex(
    ({ step, differences }) =>
      step.op === 'HWPT_ALLOC' && differences.some(({ field }) => field === 'errno'),
  );
  return refused < 0 ? results : results.slice(0, refused + 1);
}
