import { Machine, NESTED_IDR } from './__fixtures__/machine';

/** 52-bit input and output with the 64K granule: IDR5.OAS = 6, VAX = 1. */
const LPA = [NESTED_IDR[0], NESTED_IDR[1], 0, 0x1414, 0, 0x476] as const;

const LEAF_BITS = (1n << 10n) | (1n << 11n) | (1n << 6n);

/** A descriptor of the 64K granule: address bits [51:48] lie in [15:12]. */
function descriptor(address: number, bits: bigint): bigint {
  const high = BigInt(Math.floor(address / 2 ** 48));
  return (BigInt(address) & 0xffff_ffff_0000n) | (high << 12n) | bits;
}

describe('52-bit addresses with the 64K granule', () => {
  const far = 2 ** 50 + 0x10_0000;
  const va = 2 ** 51 + 0x12345;

  function machine(): Machine {
    const m = new Machine(LPA);
    m.memory.addRegion({ base: 2 ** 50, size: 2 ** 32 });
    const level1 = far;
    const level2 = far + 0x10_0000;
    const level3 = far + 0x20_0000;
    m.memory.write64(level1 + 2 ** 9 * 8, descriptor(level2, 3n));
    m.memory.write64(level2, descriptor(level3, 3n));
    m.memory.write64(level3 + 8, descriptor(2 ** 50 + 0x55_0000, LEAF_BITS | 3n));
    // A 4 TiB block at level 1.
    m.memory.write64(level1 + 2 ** 8 * 8, descriptor(2 ** 50, LEAF_BITS | 1n));
    const cd = m.page();
    m.writeCd(cd, { T0SZ: 12n, TG0: 1n, IPS: 6n, TTB0: BigInt(level1) });
    m.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cd) });
    return m;
  }

  it('are walked, read from and reached', () => {
    expect(machine().read(0, va)).toMatchObject({ kind: 'ok', pa: 2 ** 50 + 0x55_2345 });
  });

  it('have 4 TiB blocks at level 1, cached as one entry', () => {
    const m = machine();
    const block = 2 ** 8 * 2 ** 42;
    expect(m.read(0, block + 0x1234)).toMatchObject({ kind: 'ok', pa: 2 ** 50 + 0x1234 });
    expect(m.read(0, block + 0x9999_0000)).toMatchObject({ kind: 'ok', pa: 2 ** 50 + 0x9999_0000 });
    expect(m.smmu.cachedEntries().stage1).toBe(1);
    m.command('TLBI_NH_VA', { Address: BigInt(block + 2 ** 41) });
    expect(m.smmu.cachedEntries().stage1).toBe(0);
  });

  it('fault when they exceed the effective IPS', () => {
    const m = machine();
    const cd = m.page();
    m.writeCd(cd, { T0SZ: 12n, TG0: 1n, IPS: 5n, TTB0: BigInt(far) });
    m.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cd) });
    const outcome = m.read(0, va);
    // The table base itself is beyond 48 bits: C_BAD_CD.
    expect(outcome.kind === 'abort' && outcome.event?.[0]).toBe(0xan);
  });
});
