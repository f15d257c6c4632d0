import type { Errno } from '@steward/domain';
import { encodeCommand, STE } from '@steward/smmu';
import { number, text, words, type StepIn } from './recording-format';

/** Many calls folded into one step: what each passes, and the field that has their answers, a letter each. */
export interface Sweep {
  readonly answer: string;
  readonly values: readonly (readonly bigint[])[];
}

export const SWEEP_LETTERS: Partial<Record<Errno, string>> = {
  EIO: 'I',
  EINVAL: 'V',
  EOPNOTSUPP: 'O',
};

const S1_VSTE = [0x4000_100bn, 0n];
const WORD_BITS = 64;

/** The vSTEs of HWPT_ALLOC_SWEEP, by its `method`. */
export function vsteSweep(args: StepIn): Sweep {
  const method = text(args, 'method');
  if (method.startsWith('toggle one bit')) {
    return {
      answer: 'errno_per_bit',
      values: toggled(words((args['base'] as string[]).join(' '))),
    };
  }
  const valid = /^V=([01]), index = Cfg\*4\+EATS$/.exec(method)?.[1];
  if (valid !== undefined) {
    const values = Array.from({ length: 32 }, (_, i) =>
      STE.encode({ V: BigInt(valid), Config: BigInt(i >> 2), EATS: BigInt(i & 3) }).slice(0, 2),
    );
    return { answer: 'errno_per_case', values };
  }
  if (method !== 'index = field value') throw new RangeError(`no such sweep: ${method}`);
  const shift = BigInt(number(args, 'lsb'));
  const width = number(args, 'width');
  const mask = ((1n << BigInt(width)) - 1n) << shift;
  const values = Array.from({ length: 2 ** width }, (_, value) =>
    S1_VSTE.map((word, i) =>
      i === number(args, 'word') ? (word & ~mask) | (BigInt(value) << shift) : word,
    ),
  );
  return { answer: 'errno_per_value', values };
}

/** The commands of HWPT_INVALIDATE_SWEEP, by its `method` and what its case says. */
export function invalidationSweep(args: StepIn, description: string, vsid: bigint): Sweep {
  const method = text(args, 'method');
  switch (method) {
    case 'index = opcode':
      return { answer: 'errno_per_opcode', values: indexed(256, (opcode) => [opcode, 0n]) };
    case 'index = bit':
      return { answer: 'errno_per_bit', values: toggled(words(text(args, 'base'))) };
    case 'index = SCALE': {
      const field = (name: string): bigint =>
        BigInt(new RegExp(`${name}=(\\d+)`).exec(description)?.[1] ?? 0);
      const [word0, word1] = encodeCommand('TLBI_NH_VA', { NUM: field('NUM'), TG: field('TG') });
      return {
        answer: 'errno_per_case',
        values: indexed(64, (scale) => [word0 | (scale << SCALE_SHIFT), word1]),
      };
    }
    case 'index = Size': {
      const [word0, word1] = encodeCommand('ATC_INV', { StreamID: vsid });
      return { answer: 'errno_per_case', values: indexed(64, (size) => [word0, word1 | size]) };
    }
    default:
      throw new RangeError(`no such sweep: ${method}`);
  }
}

/** SCALE lies at bit 20; the sweep runs past the field's end on purpose. */
const SCALE_SHIFT = 20n;

function toggled(base: readonly bigint[]): bigint[][] {
  return Array.from({ length: base.length * WORD_BITS }, (_, bit) =>
    base.map((word, i) =>
      i === Math.floor(bit / WORD_BITS) ? word ^ (1n << BigInt(bit % WORD_BITS)) : word,
    ),
  );
}

function indexed(count: number, command: (index: bigint) => bigint[]): bigint[][] {
  return Array.from({ length: count }, (_, i) => command(BigInt(i)));
}
