import { cachedFor, type CachedEntry, type CachedQuestion, type MadeFrom } from '@steward/audit';
import type { HostMachine } from '@steward/machine';
import type { LoggedHistory } from '../snapshots/snapshots';
import type { Progress } from '../time-travel/histories';
import { MachineStates } from '../time-travel/machine-states';
import { chainsOf, type Cause } from './causes';
import { NothingToExplain } from './why-words';
import { lastChanges, wordKey, type WordChange } from './word-history';

/** A word that a cached entry was made from. */
export interface CachedWord {
  readonly pa: number;
  /** Its value then, and now. */
  readonly word: bigint;
  readonly now: bigint;
  /** Who last gave it the value that the entry has; null: memory had it from the start. */
  readonly made: WordChange | null;
  /** Who last changed it, if that was not it: the entry is stale by it. */
  readonly changed: WordChange | null;
}

export interface ExplainedEntry {
  readonly entry: CachedEntry;
  readonly stale: boolean;
  readonly words: readonly CachedWord[];
}

export interface WhyCached {
  readonly host: string;
  readonly smmu: string;
  readonly entries: readonly ExplainedEntry[];
  /** Of each commit that wrote one of the words: it and its causes, up to the command from outside. */
  readonly chains: ReadonlyMap<number, readonly Cause[]>;
}

/**
 * What the caches hold for a device after commit `at`, the words each entry was made from, and who wrote those.
 * @throws NothingToExplain where there is no such device, or nothing is cached for it.
 */
export async function whyCached(
  history: LoggedHistory,
  question: CachedQuestion,
  { at, progress }: { readonly at: number; readonly progress?: Progress },
): Promise<WhyCached> {
  const { device } = question;
  const states = await MachineStates.ofDevice(history, device);
  await states?.moveTo(at, progress);
  if (states?.machine === undefined || !states.hasDevice(device)) {
    throw new NothingToExplain(`no such device at commit ${at}`);
  }
  const { machine, host } = states;
  const { smmu } = machine.placeOf(device);
  const found = cachedFor(machine, question);
  if (found.length === 0) throw new NothingToExplain(`nothing is cached for ${device}`);
  const places = found.flatMap(({ words }) =>
    words.flatMap(({ pa, word }) => [{ pa }, { pa, value: word }]),
  );
  const options = { until: at, ...(progress && { progress }) };
  const changes = await lastChanges(history, { host, words: places }, options);
  const explained = found.map((one) => explainedBy(one, machine, changes));
  const told = explained.flatMap(({ words }) =>
    words.flatMap(({ made, changed }) => [made, changed].filter((change) => change !== null)),
  );
  const chains = await chainsOf(history.ledger, told);
  return { host, smmu, entries: explained, chains };
}

function explainedBy(
  { entry, stale, words }: MadeFrom,
  machine: HostMachine,
  changes: ReadonlyMap<string, WordChange>,
): ExplainedEntry {
  return {
    ...{ entry, stale },
    words: words.map(({ pa, word }) => {
      const made = changes.get(wordKey({ pa, value: word })) ?? null;
      const last = changes.get(wordKey({ pa })) ?? null;
      const now = machine.physicalMemory.read64(pa);
      return { pa, word, now, made, changed: last === made || now === word ? null : last };
    }),
  };
}
