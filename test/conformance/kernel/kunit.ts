import {
  CD_RULES,
  merge,
  planEntryUpdate,
  purge,
  STE_RULES,
  trashCount,
  unref,
  type InvalidationArray,
  type InvalidationTarget,
  type TargetType,
} from '@steward/host';
import type { Difference } from './observation';
import { words } from './recording-format';

/** kunit.json: the driver's own entry-writer and invalidation-array cases. */
export interface KunitFile {
  readonly cases: readonly {
    readonly case: string;
    readonly entry: 'STE' | 'CD';
    readonly transitions: readonly KunitTransition[];
  }[];
  readonly invalidation_array_case: {
    readonly case: string;
    readonly inputs: Readonly<Record<string, readonly string[]>>;
    readonly steps: readonly KunitArrayStep[];
  };
}

interface KunitTransition {
  readonly expected_syncs: number;
  readonly hitless: boolean;
  readonly initial_words: readonly string[];
  readonly target_words: readonly string[];
  readonly initial_used_bits?: readonly string[];
  readonly target_used_bits?: readonly string[];
  readonly words_at_each_sync: readonly (readonly string[])[];
}

interface KunitArrayStep {
  readonly op: string;
  readonly ids?: readonly number[];
  readonly users?: readonly number[];
  readonly ssids?: readonly number[];
  readonly trash?: number;
  readonly num_invs?: number;
}

export interface KunitResult {
  readonly id: string;
  readonly step: number;
  readonly differences: readonly Difference[];
}

/** Every transition of every case, and every step of the array case. */
export function playKunit(file: KunitFile): KunitResult[] {
  const transitions = file.cases.flatMap(({ case: id, entry, transitions: list }) =>
    list.map((transition, step) => ({ id, step, differences: transit(entry, transition) })),
  );
  return [...transitions, ...playArray(file.invalidation_array_case)];
}

function transit(entry: 'STE' | 'CD', recorded: KunitTransition): Difference[] {
  const rules = entry === 'STE' ? STE_RULES : CD_RULES;
  const parsed = (list: readonly string[]): bigint[] => words(list.join(' '));
  const [initial, target] = [parsed(recorded.initial_words), parsed(recorded.target_words)];
  const { steps, hitless } = planEntryUpdate(initial, target, rules);
  const written = (list: readonly bigint[]): string[] =>
    list.map((word) => word.toString(16).padStart(16, '0'));
  return differencesOf([
    ['words_at_each_sync', recorded.words_at_each_sync, steps.map(written)],
    ['hitless', recorded.hitless, hitless],
    ['expected_syncs', recorded.expected_syncs, steps.length],
    ...(entry === 'STE' ? usedBitsOf(recorded, written) : []),
  ]);
}

/** Of a CD the recording prints what those bits would mean in an STE, so they say nothing. */
function usedBitsOf(
  { initial_words, target_words, initial_used_bits, target_used_bits }: KunitTransition,
  written: (list: readonly bigint[]) => string[],
) {
  const used = (list: readonly string[]): string[] =>
    written(STE_RULES.usedBits(words(list.join(' '))));
  return [
    ['initial_used_bits', initial_used_bits, used(initial_words)],
    ['target_used_bits', target_used_bits, used(target_words)],
  ] as const;
}

function playArray(recorded: KunitFile['invalidation_array_case']): KunitResult[] {
  let array: InvalidationArray = [];
  return recorded.steps.map((expected, step) => {
    const [op, name = ''] = expected.op.split(' ');
    const targets = (recorded.inputs[name] ?? []).map(target);
    if (op === 'merge') array = merge(array, targets);
    if (op === 'unref') array = unref(array, targets);
    if (op === 'purge') array = purge(array);
    const differences = differencesOf([
      ['ids', expected.ids, array.map((entry) => entry.id)],
      ['users', expected.users, array.map((entry) => entry.users)],
      ['ssids', expected.ssids, array.map((entry) => entry.ssid)],
      ['trash', expected.trash, trashCount(array)],
      ['num_invs', expected.num_invs, array.length],
    ]);
    return { id: recorded.case, step, differences };
  });
}

/** `S2_VMID 1`, `ATS 10 ssid 3`. */
function target(written: string): InvalidationTarget {
  const [type, id, , ssid] = written.split(' ');
  return { smmu: 'smmu0', type: type as TargetType, id: Number(id), ssid: Number(ssid ?? 0) };
}

function differencesOf(
  compared: readonly (readonly [field: string, expected: unknown, actual: unknown])[],
): Difference[] {
  return compared
    .filter(([, expected]) => expected !== undefined)
    .filter(([, expected, actual]) => JSON.stringify(expected) !== JSON.stringify(actual))
    .map(([field, expected, actual]) => ({ field, expected, actual }));
}
