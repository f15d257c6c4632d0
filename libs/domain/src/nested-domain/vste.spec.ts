import * as c from '../__fixtures__/commands';
import { given, history } from '../__fixtures__/given-when-then';
import { toHex } from '../hex';
import type { Hex } from '../hex';

/** STRTAB_STE_0_NESTING_ALLOWED and STRTAB_STE_1_NESTING_ALLOWED (arm-smmu-v3.h). */
const ALLOWED = [0xf80f_ffff_ffff_ffffn, 0x3800_00ffn] as const;
const [S1, BYPASS, ABORT] = [0b101n, 0b100n, 0n];
const ready = history(...c.PARENTED, c.createVsmmu);
const offered = (low: bigint, high: bigint) => {
  const vste: [Hex, Hex] = [toHex(low), toHex(high)];
  return given(...ready).when({ ...c.allocateDomain, vste }).decision;
};
const word0 = (config: bigint) => 1n | (config << 1n);

describe('the kernel’s vSTE filter', () => {
  const bits = Array.from({ length: 128 }, (_, bit) => bit);
  // V, Config and EATS are not free bits; they have claims of their own below.
  const free = bits.filter((bit) => bit > 3 && bit !== 64 + 28 && bit !== 64 + 29);

  it.each(free)('takes bit %i exactly when it may come from a guest', (bit) => {
    const word = bit < 64 ? 0 : 1;
    const value = 1n << BigInt(bit % 64);
    const decision = word === 0 ? offered(word0(S1) | value, 0n) : offered(word0(S1), value);
    expect(decision.ok).toBe((ALLOWED[word] & value) !== 0n);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])('takes Config %i only of abort, bypass and S1', (config) => {
    const taken = [ABORT, BYPASS, S1].includes(BigInt(config));
    expect(offered(word0(BigInt(config)), 0n).ok).toBe(taken);
  });

  it.each([
    [0n, true],
    [1n, true],
    [2n, false],
    [3n, false],
  ])('takes EATS %s: %s', (eats, taken) => {
    expect(offered(word0(S1), eats << 28n).ok).toBe(taken);
  });

  it.each(bits.filter((bit) => bit !== 0))('ignores bit %i of an invalid vSTE', (bit) => {
    const value = 1n << BigInt(bit % 64);
    const decision = bit < 64 ? offered(value, 0n) : offered(0n, value);
    expect(decision).toMatchObject({ events: [{ event: { vste: ['0x0', '0x0'] } }, {}] });
  });
});
