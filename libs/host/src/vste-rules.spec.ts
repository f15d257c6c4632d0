import { POLICY_RULES } from './policy';
import { validateVste } from './vste-rules';
import { userInput, words } from './__fixtures__/recorded';

const { mainline } = POLICY_RULES;
const verdict = (word0: bigint, word1: bigint): string =>
  validateVste([word0, word1], mainline).ok ? '.' : 'I';

describe('the check of a vSTE', () => {
  it.each(userInput.vstes.flatMap((sweep) => (sweep.base ? [sweep] : [])))(
    'accepts and refuses each single-bit change of $base as the kernel does',
    ({ base, errnoPerBit }) => {
      const [word0, word1] = words(base!);
      const answers = Array.from({ length: 128 }, (_, bit) =>
        bit < 64
          ? verdict(word0! ^ (1n << BigInt(bit)), word1!)
          : verdict(word0!, word1! ^ (1n << BigInt(bit - 64))),
      );
      expect(answers.join('')).toBe(errnoPerBit);
    },
  );

  it.each(userInput.vstes.flatMap((sweep) => (sweep.case ? [sweep] : [])))(
    'answers $case as the kernel does',
    (sweep) => {
      const v = sweep.case!.startsWith('V=0') ? 0n : 1n;
      const answers = Array.from({ length: 32 }, (_, i) =>
        verdict(v | (BigInt(i >> 2) << 1n), BigInt(i & 3) << 28n),
      );
      expect(answers.join('')).toBe(sweep.errnoPerCase);
    },
  );

  it('keeps nothing of an invalid vSTE', () => {
    const junk = validateVste([0xffff_ffff_ffff_fffen, 0xffff_ffff_ffff_ffffn], mainline);
    expect(junk).toEqual({ ok: true, vste: [0n, 0n], config: 'abort', ats: false });
  });

  it('remembers EATS apart from the words, and only for stage 1', () => {
    expect(validateVste([0x4000_100bn, 0x1000_0000n], mainline)).toEqual({
      ok: true,
      vste: [0x4000_100bn, 0n],
      config: 's1',
      ats: true,
    });
    expect(validateVste([0x9n, 0x1000_0000n], mainline)).toMatchObject({
      config: 'bypass',
      ats: false,
    });
  });
});
