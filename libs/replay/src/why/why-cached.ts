import { translationPath } from '@steward/audit';
import type { HostMachine } from '@steward/machine';
import { STE, type CachedEntry, type MadeFrom } from '@steward/smmu';
import type { LoggedHistory } from '../snapshots/snapshots';
import type { Progress } from '../time-travel/histories';
import { MachineStates } from '../time-travel/machine-states';
import { causesOf, type Cause } from './causes';
import { NothingToExplain } from './why-words';
import { lastChanges, wordKey, type WordChange } from './word-history';

/** Which cached entries: a device's STE, CDs and the descriptors that led there; with an address, what translates it. */
export interface CachedQuestion {
  readonly device: string;
  readonly iova?: bigint;
}

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
  const { hardware, smmu } = machine.placeOf(device);
  const isMeant = entriesOf(machine, question);
  const found = [...hardware.madeFrom()].filter(({ entry }) => isMeant(entry));
  if (found.length === 0) throw new NothingToExplain(`nothing is cached for ${device}`);
  const places = found.flatMap(({ words }) =>
    words.flatMap(({ pa, word }) => [
      { host, pa },
      { host, pa, value: word },
    ]),
  );
  const options = { until: at, ...(progress && { progress }) };
  const changes = await lastChanges(history.ledger, places, options);
  const explained = found.map((one) => explainedBy(one, machine, host, changes));
  const chains = new Map<number, readonly Cause[]>();
  for (const { words } of explained) {
    for (const { made, changed } of words) {
      for (const change of [made, changed]) {
        if (change === null || chains.has(change.position)) continue;
        chains.set(change.position, await causesOf(history.ledger, change.position));
      }
    }
  }
  return { host, smmu, entries: explained, chains };
}

function explainedBy(
  { entry, stale, words }: MadeFrom,
  machine: HostMachine,
  host: string,
  changes: ReadonlyMap<string, WordChange>,
): ExplainedEntry {
  return {
    ...{ entry, stale },
    words: words.map(({ pa, word }) => {
      const made = changes.get(wordKey({ host, pa, value: word })) ?? null;
      const last = changes.get(wordKey({ host, pa })) ?? null;
      const now = machine.physicalMemory.read64(pa);
      return { pa, word, now, made, changed: last === made || now === word ? null : last };
    }),
  };
}

/** Which entries are a device's: by StreamID, and, of an address, by VMID and what they cover. */
function entriesOf(
  machine: HostMachine,
  { device, iova }: CachedQuestion,
): (entry: CachedEntry) => boolean {
  const streamIds = new Set(machine.placeOf(device).streamIds);
  const vmid = Number(STE.get(machine.physicalSte(device), 'S2VMID'));
  const path = iova === undefined ? undefined : translationPath(machine, { device, iova });
  const ipa = path?.end.kind === 'ok' ? path.end.ipa : undefined;
  return (entry) => {
    switch (entry.cache) {
      case 'STE':
      case 'CD':
      case 'L1CD':
        return iova === undefined && streamIds.has(entry.streamId);
      case 'L1STD':
        return iova === undefined && [...streamIds].some((id) => id >>> 8 === entry.index);
      case 'ATC':
        return iova !== undefined && streamIds.has(entry.streamId) && covers(entry, iova);
      default: {
        if (iova === undefined || entry.vmid !== vmid) return false;
        if (entry.stage !== 'stage 2') return covers(entry, iova & LOW_52);
        return covers(entry, BigInt(ipa ?? iova));
      }
    }
  };
}

const LOW_52 = (1n << 52n) - 1n;

function covers(
  { address, sizeLog2 }: { readonly address: bigint | number; readonly sizeLog2: number },
  at: bigint,
): boolean {
  return BigInt(address) >> BigInt(sizeLog2) === at >> BigInt(sizeLog2);
}
