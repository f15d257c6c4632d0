import { fanOutOf } from '@steward/audit';
import type { FannedCommand } from '@steward/audit';
import { wordsOf } from '@steward/domain';
import type { Effect, JsonObject, StoredCommit } from '@steward/ledger';
import { Digest } from '@steward/machine';
import type { Finding } from '@steward/machine';
import type { GivenNames } from './given-names';

/** Which part of what came of a command a line shows, causes before consequences. */
export const ASPECTS = [
  'command',
  'answer',
  'event',
  'ste',
  'smmu-command',
  'record',
  'dma',
  'coherence',
] as const;
export type Aspect = (typeof ASPECTS)[number];

/** A commit with what the machine did about it. */
export interface Recorded {
  readonly commit: StoredCommit;
  readonly effects: readonly Effect[];
  /** What the coherence checker has to say of it. */
  readonly findings: readonly Finding[];
}

/** One thing that happened. */
export interface Line {
  readonly aspect: Aspect;
  readonly position: number;
  readonly text: string;
  /** Words of an STE, an SMMU command or a record. */
  readonly words?: readonly string[];
}

/** A line, and the same without what two histories may differ in without meaning: positions, names that follow from them. */
export interface KeyedLine {
  readonly line: Line;
  readonly key: string;
}

/** Everything that came of a command, in order. */
export function linesOf({ commit, effects, findings }: Recorded, names: GivenNames): KeyedLine[] {
  const { position, actor, command, commandWords, outcome } = commit;
  const lines: KeyedLine[] = [];
  const add = (aspect: Aspect, text: string, key: unknown, words?: readonly string[]): void => {
    const line = { aspect, position, text, ...(words && { words }) };
    lines.push({ line, key: `${aspect} ${names.canonical(key)}` });
  };
  const { type, ...body } = command;
  const asked = [actor, type, body, contentOf(commandWords)];
  add('command', `${String(type)} ${JSON.stringify(body)} by ${actor}`, asked);
  add('answer', ...answerOf(outcome));
  for (const event of commit.events) {
    const { stream, payload, words } = event;
    const text = `${event.type} ${stream} ${JSON.stringify(payload)}${countOf(words)}`;
    add('event', text, [event.type, stream, payload, contentOf(words)]);
  }
  const stored = effects.map((effect, idx) => ({ ...effect, position, idx }));
  for (const { smmu, batches } of fanOutOf(commit, stored)?.smmus ?? []) {
    for (const { stes, commands } of batches) {
      for (const { streamId, words } of stes) {
        add('ste', `${smmu} STE 0x${streamId.toString(16)}`, [smmu, streamId, words], words);
      }
      for (const one of commands) {
        add('smmu-command', `${smmu} ${commandText(one)}`, [smmu, one], one.words);
      }
    }
  }
  for (const effect of effects) addOther(effect, add);
  for (const finding of findings) addFinding(finding, add);
  return lines;
}

type Add = (aspect: Aspect, text: string, key: unknown, words?: readonly string[]) => void;

function addOther({ kind, payload, words }: Effect, add: Add): void {
  if (kind === 'commands' || kind === 'ste-at-sync') return;
  if (kind === 'dma') {
    const { vm, accesses, matched, faulted, mismatched } = payload;
    const sums = `${String(matched)} matched, ${String(faulted)} faulted, ${String(mismatched)} mismatched`;
    add('dma', `${String(accesses)} accesses of ${String(vm)}: ${sums}`, [
      payload,
      contentOf(words),
    ]);
    return;
  }
  const shown = words === undefined ? [] : Array.from(wordsOf(words), hex);
  add('record', `${kind} ${JSON.stringify(payload)}`, [kind, payload, shown], shown);
}

/** Uses of stale entries and broken rules; a guest's windows that nobody used are its own business. */
function addFinding(finding: Finding, add: Add): void {
  if (finding.kind === 'violation') {
    const { rule, by, smmu, at } = finding.violation;
    add('coherence', `${by} of ${smmu}: ${rule} after ${at.event}`, [rule, by, smmu, at.event]);
  }
  if (finding.kind === 'use') {
    const { device, smmu, iova, write, opened, owner } = finding.use;
    const whose = owner.kind === 'host' ? 'the host driver' : `guest ${owner.vm}`;
    const access = `${write ? 'write' : 'read'} of ${device} at 0x${iova.toString(16)}`;
    const text = `stale ${access} on ${smmu}, since ${opened.event} of ${whose}`;
    add('coherence', text, text);
  }
}

function answerOf(outcome: StoredCommit['outcome']): [text: string, key: unknown] {
  if (outcome.ok) {
    // An ioctl that was cut short has done something and still gives an errno.
    const { errno, code } = outcome as JsonObject;
    return [errno === undefined ? 'accepted' : `accepted in part, ${String(errno)}`, [errno, code]];
  }
  const { errno, code, reason } = outcome;
  return [`${errno} (${code}): ${reason}`, [errno, code]];
}

function commandText({ name, origin, removed }: FannedCommand): string {
  const gone = Object.entries(removed).map(([kind, count]) => `${count} ${kind}`);
  const by = origin === 'guest' ? ' (guest)' : '';
  return `${name}${by}${gone.length === 0 ? '' : `, removed ${gone.join(', ')}`}`;
}

/** Bulk words by what they are, not by themselves: they may be megabytes. */
function contentOf(words: Uint8Array | undefined): string | undefined {
  return words && new Digest().bytes(words).hex();
}

function countOf(words: Uint8Array | undefined): string {
  return words === undefined ? '' : ` + ${words.length / 8} words`;
}

function hex(word: bigint): string {
  return `0x${word.toString(16).padStart(16, '0')}`;
}
