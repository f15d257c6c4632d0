import { POLICY_RULES, type HostPolicy, type PolicyRules } from '@steward/host';
import { STE, commandName } from '@steward/smmu';
import type { Difference } from './observation';
import { words, type Scenario, type Step } from './recording-format';
import { playScenario } from './suite';

/** One way in which recordings go differently under the other policy, and the rule that makes them. */
export interface PolicyDifference {
  readonly rule: keyof PolicyRules;
  /** What is different, without the words that each recording has of its own. */
  readonly what: string;
  /** Steps in which it was seen. */
  readonly steps: number;
}

export interface SideBySide {
  readonly differences: readonly PolicyDifference[];
  /** Steps that go differently under the policy than under its rules: something that is no rule makes them. */
  readonly unexplained: readonly string[];
}

const OTHER: HostPolicy = 'v2-2024-08';
/** `nestedOn` first: from then on the recorded VMM allocates its nested domains where the policy has them. */
const RULES = Object.keys(POLICY_RULES.mainline) as (keyof PolicyRules)[];

/**
 * Plays scenarios under `mainline`, then with one rule after the other turned into that of `v2-2024-08`, and last under the
 * policy itself. What changes between one play and the next is that rule's doing, so that every difference has its rule, also
 * where one is the consequence of an earlier step's.
 */
export async function sideBySide(
  scenarios: readonly Scenario[],
  {
    progress = () => undefined,
    last = OTHER,
  }: {
    readonly progress?: (done: number, total: number) => void;
    /** The policy of the last play, which should have those rules. */
    readonly last?: HostPolicy;
  } = {},
): Promise<SideBySide> {
  const seen = new Map<string, { rule: keyof PolicyRules; what: string; steps: number }>();
  const unexplained: string[] = [];
  for (const [i, scenario] of scenarios.entries()) {
    const adapted = onParents(scenario);
    let before = await played(scenario, POLICY_RULES.mainline);
    let rules = POLICY_RULES.mainline;
    for (const rule of RULES) {
      rules = { ...rules, [rule]: POLICY_RULES[OTHER][rule] };
      const after = await played(adapted, rules);
      for (const what of turned(before, after)) {
        const key = `${rule} ${what}`;
        const known = seen.get(key) ?? { rule, what, steps: 0 };
        seen.set(key, { ...known, steps: known.steps + 1 });
      }
      before = after;
    }
    const { results } = await playScenario(adapted, last);
    for (const [n, { step, differences }] of results.entries()) {
      if (changes(before[n]!.fields, fieldsOf(differences)).length === 0) continue;
      unexplained.push(`${scenario.run}/${scenario.scenario}, step ${step.n}`);
    }
    progress(i + 1, scenarios.length);
  }
  const order = (a: PolicyDifference, b: PolicyDifference): number =>
    RULES.indexOf(a.rule) - RULES.indexOf(b.rule) || (a.what < b.what ? -1 : 1);
  return { differences: [...seen.values()].sort(order), unexplained };
}

/**
 * What one turn of a rule changed, once for each step in which it did. Behind the first other answer the VMM has other objects,
 * so commands and STEs differ with them: those are counted together, other answers each.
 */
function* turned(before: Play, after: Play): Generator<string> {
  let answered = false;
  for (const [n, { step, fields }] of after.entries()) {
    const found = changes(before[n]!.fields, fields);
    const answers = found.filter(({ field }) => field === 'errno');
    answered ||= answers.length > 0;
    const listed = answered ? answers : found;
    const signatures = listed.map((difference) => signature(step, difference));
    yield* new Set(signatures.filter((what) => what !== undefined));
    if (answered && found.length > answers.length) yield FOLLOWS;
  }
}

const FOLLOWS = 'what follows from another answer';

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

/**
 * What a difference is about, without the words that every recording has of its own; undefined when it is about nothing else. Which
 * of our VMIDs and addresses stands for which recorded one depends on where each is met first.
 */
function signature({ op }: Step, { field, expected, actual }: Difference): string | undefined {
  if (field === 'errno') return `${op} ${String(expected)} → ${String(actual)}`;
  if (field.startsWith('ste')) {
    const fields = steFields(expected, actual);
    return fields === '' ? undefined : `STE ${fields}`;
  }
  if (field.startsWith('hw_events')) return `${op}: events`;
  if (!field.startsWith('cmds')) return `${op} ${field}`;
  const [before, after] = [expected, actual] as [string[], string[]];
  const gone = without(before.map(nameOf), after.map(nameOf));
  const added = without(after.map(nameOf), before.map(nameOf));
  if (gone !== '' || added !== '') return `${op}: ${gone || 'nothing'} → ${added || 'nothing'}`;
  if (before.length !== after.length) return `${op}: another number of SYNC`;
  if (before.map(nameOf).join() !== after.map(nameOf).join()) return `${op}: another order`;
  const other = after.filter((command, i) => command !== before[i]).map(nameOf);
  const named = [...new Set(other)].filter((name) => !name.startsWith('TLBI_'));
  return named.length === 0 ? undefined : `${op}: ${named.join(' ')} with other fields`;
}

/** Fields in which a step differs from its recording, as both have them. */
type Fields = ReadonlyMap<string, Difference>;
type Play = readonly { readonly step: Step; readonly fields: Fields }[];

async function played(scenario: Scenario, rules: PolicyRules): Promise<Play> {
  const table = POLICY_RULES as Record<HostPolicy, PolicyRules>;
  const { mainline } = table;
  // The driver and the domain look a policy's rules up by its name.
  table.mainline = rules;
  try {
    const { results } = await playScenario(scenario);
    return results.map(({ step, differences }) => ({ step, fields: fieldsOf(differences) }));
  } finally {
    table.mainline = mainline;
  }
}

function fieldsOf(differences: readonly Difference[]): Fields {
  return new Map(differences.map((difference) => [difference.field, difference]));
}

/** What changed in a step from one play to another. */
function changes(before: Fields, after: Fields): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((field) => {
    const recorded = (before.get(field) ?? after.get(field))!.expected;
    const expected = before.has(field) ? before.get(field)!.actual : recorded;
    const actual = after.has(field) ? after.get(field)!.actual : recorded;
    const same = JSON.stringify(expected) === JSON.stringify(actual);
    return same ? [] : [{ field, expected, actual }];
  });
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

/** Of each STE the recordings show the first words. */
const WORDS_RECORDED = 4;
/** More fields than these together are another STE altogether. */
const FIELDS_NAMED = 3;

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
    if (changed === 0n) continue;
    const whole = Array.from({ length: 8 }, (_, n) => (n === i % WORDS_RECORDED ? changed : 0n));
    for (const field of fields) if (STE.get(whole, field) !== 0n) found.add(field);
    for (const chosen of ['S1ContextPtr', 'S2VMID', 'S2TTB']) found.delete(chosen);
  }
  return found.size > FIELDS_NAMED ? 'of another kind' : [...found].join(' ');
}
