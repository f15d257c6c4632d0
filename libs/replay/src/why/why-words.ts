import { translationPath } from '@steward/audit';
import type { PathEnd, PathEntry } from '@steward/audit';
import type { HostMachine } from '@steward/machine';
import { vsteAddress } from '@steward/vmm';
import type { LoggedHistory } from '../snapshots/snapshots';
import type { Progress } from '../time-travel/histories';
import { MachineStates } from '../time-travel/machine-states';
import { chainsOf, type Cause } from './causes';
import { lastChanges, wordKey, type WordChange } from './word-history';

/** Words of memory one can ask about. */
export type WordsQuestion =
  | { readonly kind: 'ste' | 'vste'; readonly device: string }
  | { readonly kind: 'cd'; readonly device: string; readonly pasid?: number }
  | {
      readonly kind: 'translation';
      readonly device: string;
      readonly iova: bigint;
      readonly pasid?: number;
    }
  | { readonly kind: 'word'; readonly host: string; readonly pa: number };

/** A word, and since when and by whose order it is what it is. */
export interface ExplainedWord {
  readonly entry: PathEntry | 'word';
  readonly role: string;
  readonly pa: number;
  readonly word: bigint;
  /** Null: nothing has ever changed it from what memory was at the start. */
  readonly change: WordChange | null;
}

export interface WhyWords {
  readonly host: string;
  readonly words: readonly ExplainedWord[];
  /** Where the words lead, of a translation. */
  readonly end?: PathEnd;
  /** Of each commit that changed one of the words: it and its causes, up to the command from outside. */
  readonly chains: ReadonlyMap<number, readonly Cause[]>;
}

/** What is asked about is not there. */
export class NothingToExplain extends Error {
  override readonly name = 'NothingToExplain';
}

type Found = Omit<ExplainedWord, 'change'>;

/**
 * The words that a question is about, as they stand after commit `at`, each with its last change and that one's causes.
 * @throws NothingToExplain
 */
export async function whyWords(
  history: LoggedHistory,
  question: WordsQuestion,
  { at, progress }: { readonly at: number; readonly progress?: Progress },
): Promise<WhyWords> {
  const { ledger } = history;
  const states =
    question.kind === 'word'
      ? new MachineStates(history, question.host)
      : await MachineStates.ofDevice(history, question.device);
  await states?.moveTo(at, progress);
  const isThere = question.kind === 'word' || states?.hasDevice(question.device) === true;
  if (states?.machine === undefined || !isThere) {
    throw new NothingToExplain(
      `no such ${question.kind === 'word' ? 'host' : 'device'} at commit ${at}`,
    );
  }
  const { host: name, machine } = states;
  const { words, end } = wordsFor(machine, question);
  const options = { until: at, ...(progress && { progress }) };
  const changes = await lastChanges(history, { host: name, words }, options);
  const explained = words.map((word) => ({
    ...word,
    change: changes.get(wordKey({ pa: word.pa })) ?? null,
  }));
  const chains = await chainsOf(ledger, changes.values());
  return { host: name, words: explained, ...(end && { end }), chains };
}

function wordsFor(
  host: HostMachine,
  question: WordsQuestion,
): { readonly words: readonly Found[]; readonly end?: PathEnd } {
  switch (question.kind) {
    case 'word': {
      const { pa } = question;
      const memory = host.physicalMemory;
      if (!memory.backed(pa)) throw new NothingToExplain(`no memory at 0x${pa.toString(16)}`);
      return { words: [{ entry: 'word', role: 'word', pa, word: memory.read64(pa) }] };
    }
    case 'vste':
      return { words: vsteWords(host, question.device) };
    case 'translation':
      return translationPath(host, question);
    default: {
      const { device } = question;
      const pasid = question.kind === 'cd' ? question.pasid : undefined;
      const path = translationPath(host, { device, ...(pasid !== undefined && { pasid }) });
      const wanted = question.kind === 'ste' ? 'STE' : 'CD';
      const words = path.words.filter(({ entry }) => entry === wanted);
      if (words.length > 0) return { words };
      const why = path.end.kind === 'stops' ? path.end.why : 'stage 1 is not used';
      throw new NothingToExplain(`${device} has no ${wanted} in force: ${why}`);
    }
  }
}

/** The two words of the guest's STE, in the guest's own stream table. */
function vsteWords(host: HostMachine, device: string): Found[] {
  const vdevice = host.vdeviceOf(device);
  if (vdevice === undefined) throw new NothingToExplain(`${device} has no vDEVICE`);
  const { vsmmu, vsid, vm } = vdevice;
  const queues = host.queuesOf(vsmmu);
  const view = {
    register: (name: Parameters<typeof queues.read>[0]) => queues.read(name),
    readGuest: (ipa: number) => host.readGuest(vm, ipa),
  };
  const at = vsteAddress(view, vsid);
  if (at === undefined) throw new NothingToExplain(`the guest's stream table lacks vSID ${vsid}`);
  return [0, 1].map((i) => {
    const pa = host.backing(vm, at + 8 * i);
    const word = host.readGuest(vm, at + 8 * i);
    if (pa === undefined || word === undefined) {
      throw new NothingToExplain(`the guest's stream table lies outside its RAM`);
    }
    return { entry: 'STE', role: `vSTE word ${i}`, pa, word };
  });
}
