import type { PathEnd } from '@steward/audit';
import type { StoredEvent } from '@steward/ledger';
import type {
  Cause,
  Consequence,
  ExplainedWord,
  Looked,
  WhyWords,
  WordsQuestion,
} from '@steward/replay';
import { hex64 } from '@steward/smmu';
import { decodeEntry, oneLine } from '../decoded';
import { colour, print } from '../output';

/** How each kind of word of a path is decoded alone; STEs and CDs only as wholes. */
const ALONE = {
  L1STD: 'l1std',
  L1CD: 'l1cd',
  table: 'table',
  s1leaf: 's1leaf',
  s2leaf: 's2leaf',
} as const;

export function wordsDocument(found: WhyWords, question: WordsQuestion, at: number): object {
  const { host, words, end, chains } = found;
  return {
    position: at,
    question: stringified(question),
    host,
    ...(end && { end: endOf(end) }),
    words: words.map(({ entry, role, pa, word, change }) => ({
      ...{ entry, role, pa: hex(pa), word: hex64(word) },
      change: change && { ...change, before: hex64(change.before) },
    })),
    chains: Object.fromEntries(chains),
  };
}

function stringified(question: WordsQuestion): object {
  const { iova, pa, ...rest } = { iova: undefined, pa: undefined, ...question };
  return {
    ...rest,
    ...(iova !== undefined && { iova: hex(iova) }),
    ...(pa !== undefined && { pa: hex(pa) }),
  };
}

function endOf(end: PathEnd): object {
  if (end.kind === 'stops') return end;
  const { kind, pa, ipa } = end;
  return { kind, pa: hex(pa), ...(ipa !== undefined && { ipa: hex(ipa) }) };
}

export function printWords(found: WhyWords, question: WordsQuestion, at: number): void {
  const { words, end, chains } = found;
  print(colour.bold(`${titleOf(question)} after commit ${at}`));
  if (end) print(endText(end));
  for (const word of words) printWord(word);
  const whole = wholeOf(words);
  if (whole !== undefined) print(`  ${whole}`);
  for (const [position, chain] of [...chains].sort(([a], [b]) => b - a)) {
    print();
    const changed = words.filter(({ change }) => change?.position === position);
    print(`${changed.map(({ role }) => role).join(', ')}:`);
    printChain(chain);
  }
}

function titleOf(question: WordsQuestion): string {
  switch (question.kind) {
    case 'word':
      return `the word at ${hex(question.pa)} of ${question.host}`;
    case 'translation':
      return `${hex(question.iova)} of ${question.device}`;
    default:
      return `the ${question.kind.toUpperCase().replace('VSTE', 'vSTE')} of ${question.device}`;
  }
}

function endText(end: PathEnd): string {
  if (end.kind === 'stops') return `leads nowhere: ${end.why}`;
  return `leads to PA ${hex(end.pa)}${end.ipa === undefined ? '' : `, IPA ${hex(end.ipa)}`}`;
}

function printWord({ entry, role, pa, word, change }: ExplainedWord): void {
  const since =
    change === null
      ? 'as memory was at the start'
      : `since ${change.position} (${change.byHardware ? 'the SMMU, during ' : ''}${change.event})`;
  const kind = entry in ALONE ? ALONE[entry as keyof typeof ALONE] : undefined;
  const shown = kind === undefined ? '' : `  ${oneLine(decodeEntry(kind, [word]))}`;
  print(`  ${role.padEnd(12)} ${hex(pa)}  ${hex64(word)}  ${since}${shown}`);
}

/** An STE, a vSTE or a CD whose words are all there, on one line. */
function wholeOf(words: readonly ExplainedWord[]): string | undefined {
  const [first] = words;
  if (first === undefined || words.some(({ entry }) => entry !== first.entry)) return undefined;
  const values = words.map(({ word }) => word);
  if (first.entry === 'CD') return oneLine(decodeEntry('cd', values));
  if (first.entry !== 'STE') return undefined;
  return oneLine(decodeEntry(words.length === 2 ? 'vste' : 'ste', values));
}

/** A commit and its causes, each indented below what it caused. */
export function printChain(chain: readonly Cause[]): void {
  chain.forEach((cause, i) =>
    print(`${'  '.repeat(i + 1)}${i > 0 ? 'because ' : ''}${causeText(cause)}`),
  );
}

const COMMAND_SHOWN = 120;

function causeText({ position, at, actor, command, outcome }: Cause): string {
  const { type, ...body } = command;
  const text = JSON.stringify(body);
  const shown = text.length > COMMAND_SHOWN ? `${text.slice(0, COMMAND_SHOWN)}…` : text;
  const answer = outcome.ok
    ? ''
    : `, refused: ${outcome.errno} (${outcome.code}) ${outcome.reason}`;
  return `commit ${position}  ${colour.bold(String(type))} ${shown} by ${actor} at ${at}${answer}`;
}

export function printCommitWhy(found: {
  readonly causes: readonly Cause[];
  readonly looked: readonly Looked[];
  readonly consequence: Consequence;
}): void {
  const { causes, looked, consequence } = found;
  printChain([consequence, ...causes]);
  print();
  print(`its answer followed from`);
  for (const { stream, version, changedAt } of looked) {
    const since =
      changedAt === null ? 'which did not exist' : `version ${version}, from commit ${changedAt}`;
    print(`  ${stream}  ${since}`);
  }
  print();
  if (consequence.led.length === 0) print('it led to no other command');
  else print('it led to');
  printTree(consequence.led, '  ');
}

function printTree(members: readonly Consequence[], indent: string): void {
  for (const member of members) {
    print(`${indent}${causeText(member)}`);
    if (member.events.length > 0) print(`${indent}  ${member.events.join(', ')}`);
    printTree(member.led, `${indent}  `);
  }
}

export function aggregateDocument(
  { stream, version, position, idx, type, payload }: StoredEvent,
  causes: readonly Cause[],
  at: number,
): object {
  return { position: at, stream, version, event: { position, idx, type, payload }, causes };
}

export function printAggregate(event: StoredEvent, causes: readonly Cause[], at: number): void {
  const { stream, version, type, payload } = event;
  print(colour.bold(`${stream} after commit ${at}: version ${version}`));
  print(`  ${type} ${JSON.stringify(payload)}`);
  printChain(causes);
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
