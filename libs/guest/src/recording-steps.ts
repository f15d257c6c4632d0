import { REGISTERS, hex64, type CommandWords, type RegisterName } from '@steward/smmu';
import {
  INFERENCES,
  RecordingError,
  type DmaStep,
  type Expectation,
  type Inference,
  type PhaseEndStep,
  type RecordingStep,
} from './recording';

/**
 * The text of one step in a recording file. One line a step keeps a recording of some ten thousand steps small
 * and lets a person read it:
 *
 *     r CR0 0x0000000000000008
 *     w 0x44414000 0x00000000441d1003 pte
 *     c 0x0000001000000003:0x0000000000000001 0x0000000000002046:0x0000000000000000
 *     d 0x10 0xfffff040 r 0x8090040 rw      access, direction, where it ended and what the mapping allows
 *     d 0x10 0x1000 w abort
 *     p nvme_probe 0x10=0x000000004452d00b:…  StreamIDs with the words of their STE
 */
export function formatStep(step: RecordingStep): string {
  switch (step.kind) {
    case 'register':
      return `r ${step.name} ${hex64(step.value)}`;
    case 'write':
      return `w ${hexOf(step.ipa)} ${hex64(step.word)} ${step.inferred}`;
    case 'commands':
      return ['c', ...step.words.map((words) => words.map(hex64).join(':'))].join(' ');
    case 'dma':
      return `d ${hexOf(step.vsid)} 0x${step.iova.toString(16)} ${step.write ? 'w' : 'r'} ${formatExpectation(step.expect)}`;
    case 'phase-end':
      return formatPhaseEnd(step);
  }
}

/**
 * The step of one line.
 * @throws RecordingError naming `path` and what was expected there.
 */
export function parseStep(text: string, path: string): RecordingStep {
  const [kind = '', ...rest] = text.split(' ');
  const parse = PARSERS[kind];
  if (parse === undefined) {
    throw new RecordingError(path, `a step begins with r, w, c, d or p, not "${kind}"`);
  }
  return parse(rest, path);
}

type StepParser = (words: readonly string[], path: string) => RecordingStep;

const PARSERS: Readonly<Record<string, StepParser | undefined>> = {
  r(words, path) {
    arity(words, 2, path, 'r REGISTER VALUE');
    return { kind: 'register', name: registerName(words[0], path), value: word(words[1], path) };
  },
  w(words, path) {
    arity(words, 3, path, 'w IPA WORD INFERENCE');
    const ipa = number(words[0], path);
    if (ipa % 8 !== 0) throw new RecordingError(path, `an 8-byte aligned IPA, not ${words[0]}`);
    return {
      kind: 'write',
      ipa,
      word: word(words[1], path),
      inferred: inference(words[2], path),
    };
  },
  c(words, path) {
    if (words.length === 0) throw new RecordingError(path, 'c WORD0:WORD1 …');
    return { kind: 'commands', words: words.map((pair) => commandWords(pair, path)) };
  },
  d(words, path) {
    return dma(words, path);
  },
  p(words, path) {
    const [name, ...stes] = words;
    if (name === undefined || name === '') throw new RecordingError(path, 'p PHASE [VSID=WORDS …]');
    return { kind: 'phase-end', name, stes: new Map(stes.map((ste) => phaseEndSte(ste, path))) };
  },
};

function dma(words: readonly string[], path: string): DmaStep {
  const [vsid, iova, direction, ...expect] = words;
  if (direction !== 'r' && direction !== 'w') {
    throw new RecordingError(path, 'd VSID IOVA r|w IPA PERMISSION, or d VSID IOVA r|w abort');
  }
  return {
    kind: 'dma',
    vsid: number(vsid, path),
    iova: word(iova, path),
    write: direction === 'w',
    expect: expectation(expect, path),
  };
}

function expectation(words: readonly string[], path: string): Expectation {
  if (words.length === 1 && words[0] === 'abort') return { kind: 'abort' };
  arity(words, 2, path, 'where the access ended: IPA and r, w or rw, or abort');
  const permission = words[1] ?? '';
  if (!/^(r|w|rw)$/.test(permission)) {
    throw new RecordingError(path, `a permission r, w or rw, not "${permission}"`);
  }
  return {
    kind: 'ok',
    ipa: number(words[0], path),
    readable: permission.includes('r'),
    writable: permission.includes('w'),
  };
}

function formatExpectation(expect: Expectation): string {
  if (expect.kind === 'abort') return 'abort';
  return `${hexOf(expect.ipa)} ${expect.readable ? 'r' : ''}${expect.writable ? 'w' : ''}`;
}

function formatPhaseEnd(step: PhaseEndStep): string {
  const stes = [...step.stes].map(([vsid, ste]) => `${hexOf(vsid)}=${ste.map(hex64).join(':')}`);
  return ['p', step.name, ...stes].join(' ');
}

function phaseEndSte(text: string, path: string): [number, bigint[]] {
  const [vsid, words = ''] = text.split('=');
  const ste = words.split(':').map((w) => word(w, path));
  if (ste.length !== 8) throw new RecordingError(path, `the 8 words of an STE, not ${ste.length}`);
  return [number(vsid, path), ste];
}

function commandWords(text: string, path: string): CommandWords {
  const parts = text.split(':');
  if (parts.length !== 2) {
    throw new RecordingError(path, `the two words of a command, not "${text}"`);
  }
  return [word(parts[0], path), word(parts[1], path)];
}

function registerName(text: string | undefined, path: string): RegisterName {
  if (text === undefined || !Object.hasOwn(REGISTERS, text)) {
    throw new RecordingError(path, `the name of an SMMU register, not "${text ?? ''}"`);
  }
  return text as RegisterName;
}

function inference(text: string | undefined, path: string): Inference {
  const found = INFERENCES.find((name) => name === text);
  if (found === undefined) {
    throw new RecordingError(path, `one of ${INFERENCES.join(', ')}, not "${text ?? ''}"`);
  }
  return found;
}

function word(text: string | undefined, path: string): bigint {
  if (text === undefined || !/^0x[0-9a-f]{1,16}$/.test(text)) {
    throw new RecordingError(path, `a 64-bit word like 0x1f, not "${text ?? ''}"`);
  }
  return BigInt(text);
}

function number(text: string | undefined, path: string): number {
  const value = Number(word(text, path));
  if (!Number.isSafeInteger(value)) {
    throw new RecordingError(path, `an address below 2^53, not ${text ?? ''}`);
  }
  return value;
}

function arity(words: readonly string[], count: number, path: string, expected: string): void {
  if (words.length !== count) throw new RecordingError(path, expected);
}

function hexOf(value: number): string {
  return `0x${value.toString(16)}`;
}
