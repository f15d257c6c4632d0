import { NESTED_IDR, SUBSTREAM_IDR } from '../__fixtures__/machine';
import { CD } from '../formats/context-descriptor';
import { STE } from '../formats/ste';
import { whyCdIllegal, whySteIllegal } from './legality';

const configuration = { idr: NESTED_IDR, iidr: 0, aidr: 1 };
const substreams = { idr: SUBSTREAM_IDR, iidr: 0, aidr: 1 };

const NESTED = {
  V: 1n,
  Config: 7n,
  S2T0SZ: 20n,
  S2SL0: 2n,
  S2PS: 4n,
  S2AA64: 1n,
} as const;
const CONTEXT = { V: 1n, AA64: 1n, A: 1n, T0SZ: 16n, EPD1: 1n, IPS: 4n } as const;

function ste(values: Record<string, bigint>): string | undefined {
  return whySteIllegal(STE.encode({ ...NESTED, ...values }), configuration)?.about;
}

function cd(
  values: Record<string, bigint>,
  owner: Record<string, bigint> = {},
): string | undefined {
  const steWords = STE.encode({ ...NESTED, ...owner });
  return whyCdIllegal(CD.encode({ ...CONTEXT, ...values }), steWords, configuration)?.about;
}

describe('an STE', () => {
  it('is legal as Linux writes it', () => {
    expect(ste({})).toBeUndefined();
  });

  it.each([
    ['V', { V: 0n }],
    ['S1STALLD', { S1STALLD: 1n }],
    ['S1ContextPtr', { S1ContextPtr: 2n ** 44n }],
    ['S2S', { S2S: 1n }],
    ['S2AA64', { S2AA64: 0n }],
    ['S2HA, S2HD', { S2HA: 1n }],
    ['S2HA, S2HD', { S2HD: 1n }],
    ['S2TG', { S2TG: 3n }],
    ['S2TTB', { S2TTB: 2n ** 44n }],
    ['S2TTB', { S2PS: 0n, S2TTB: 2n ** 32n }],
    ['S2T0SZ', { S2T0SZ: 19n }],
    ['S2T0SZ', { S2T0SZ: 40n }],
    ['S2SL0', { S2SL0: 3n }],
    ['S2SL0', { S2SL0: 0n }],
    ['S2ENDI', { S2ENDI: 1n }],
  ])('is ILLEGAL for %s: %o', (about, values) => {
    expect(ste(values)).toBe(about);
  });

  it.each([
    ['disables the stream', { Config: 0n, S2TG: 3n, S1STALLD: 1n }],
    ['disables the stream by a reserved Config', { Config: 3n, S2TG: 3n }],
    ['bypasses', { Config: 4n, S2TG: 3n, S1STALLD: 1n, S2VMID: 0n }],
  ])('ignores its other fields when it %s', (_what, values) => {
    expect(ste(values)).toBeUndefined();
  });

  it('ignores stage-2 fields with stage 1 alone, and stage-1 fields with stage 2 alone', () => {
    expect(ste({ Config: 5n, S2TG: 3n, S2S: 1n, S2HA: 1n })).toBeUndefined();
    expect(
      ste({ Config: 6n, S1STALLD: 1n, S1ContextPtr: 2n ** 50n, S1CDMax: 31n }),
    ).toBeUndefined();
  });

  it('ignores S1CDMax without SubstreamIDs, and checks it against IDR1.SSIDSIZE with them', () => {
    expect(ste({ S1CDMax: 21n })).toBeUndefined();
    const words = STE.encode({ ...NESTED, S1CDMax: 21n });
    expect(whySteIllegal(words, substreams)?.about).toBe('S1CDMax');
  });

  it('takes stage 2 with up to sixteen concatenated tables, no more', () => {
    const level1 = { S2SL0: 1n };
    expect(ste({ ...level1, S2T0SZ: 21n })).toBeUndefined();
    expect(ste({ ...level1, S2T0SZ: 20n })).toBe('S2SL0');
    expect(ste({ ...level1, S2T0SZ: 33n })).toBeUndefined();
    expect(ste({ ...level1, S2T0SZ: 34n })).toBe('S2SL0');
  });
});

describe('an STE with ATS, EL2 or narrow VMIDs', () => {
  const ATS = 1 << 10;
  const NS1ATS = 1 << 11;
  const HYP = 1 << 9;
  const VMID16 = 1 << 18;
  const withIdr0 = (bits: number, values: Record<string, bigint>): string | undefined => {
    const idr = [bits, NESTED_IDR[1], 0, 0x1414, 0, 0x74] as const;
    const words = STE.encode({ ...NESTED, ...values });
    return whySteIllegal(words, { ...configuration, idr })?.about;
  };
  /** Stalls allowed, so that S2S is judged with EATS alone. */
  const STALLS = NESTED_IDR[0] & ~(3 << 24);

  it.each([
    ['full ATS', { EATS: 1n }, undefined],
    ['full ATS with stalling at stage 2', { EATS: 1n, S2S: 1n }, 'EATS'],
    ['full ATS with S2S where stage 2 is off', { Config: 5n, EATS: 1n, S2S: 1n }, undefined],
    ['split-stage ATS', { EATS: 2n }, undefined],
    ['split-stage ATS with stalling at stage 2', { EATS: 2n, S2S: 1n }, 'EATS'],
    ['split-stage ATS of stage 1 alone', { Config: 5n, EATS: 2n }, 'EATS'],
    ['split-stage ATS of stage 2 alone', { Config: 6n, EATS: 2n }, 'EATS'],
    ['split-stage ATS of a bypass', { Config: 4n, EATS: 2n }, undefined],
  ] as const)('judges %s', (_what, values, about) => {
    expect(withIdr0(STALLS | ATS, values)).toBe(about);
  });

  it('ignores EATS without ATS, and refuses split-stage ATS where IDR0.NS1ATS is 1', () => {
    expect(withIdr0(STALLS, { EATS: 2n, Config: 5n })).toBeUndefined();
    expect(withIdr0(STALLS | ATS | NS1ATS, { EATS: 2n })).toBe('EATS');
  });

  it('judges STRW only with EL2 and stage 1 alone', () => {
    for (const STRW of [1n, 3n]) {
      expect(withIdr0(NESTED_IDR[0] | HYP, { Config: 5n, STRW })).toBe('STRW');
      expect(withIdr0(NESTED_IDR[0], { Config: 5n, STRW })).toBeUndefined();
      expect(withIdr0(NESTED_IDR[0] | HYP, { STRW })).toBeUndefined();
    }
    expect(withIdr0(NESTED_IDR[0] | HYP, { Config: 5n, STRW: 2n })).toBeUndefined();
  });

  it('has 8-bit VMIDs without IDR0.VMID16, where the VMID is used', () => {
    const narrow = NESTED_IDR[0] & ~VMID16;
    const wide = { S2VMID: 0x100n };
    expect(withIdr0(narrow, wide)).toBe('S2VMID');
    expect(withIdr0(narrow, { ...wide, Config: 5n })).toBe('S2VMID');
    expect(withIdr0(narrow, { S2VMID: 0xffn })).toBeUndefined();
    expect(withIdr0(narrow, { ...wide, Config: 4n })).toBeUndefined();
    expect(withIdr0(narrow | HYP, { ...wide, Config: 5n, STRW: 2n })).toBeUndefined();
    expect(withIdr0(NESTED_IDR[0], wide)).toBeUndefined();
  });

  it('must stall at stage 2 where the SMMU can only stall', () => {
    expect(withIdr0(STALLS | (2 << 24), {})).toBe('S2S');
    expect(withIdr0(STALLS | (2 << 24), { S2S: 1n })).toBeUndefined();
  });
});

describe('a CD', () => {
  it('is legal as Linux writes it', () => {
    expect(cd({})).toBeUndefined();
  });

  it.each([
    ['V', { V: 0n }],
    ['A', { A: 0n }],
    ['S', { S: 1n }],
    ['ENDI', { ENDI: 1n }],
    ['AA64', { AA64: 0n }],
    ['HA, HD', { HA: 1n }],
    ['HA, HD', { HD: 1n }],
    ['TGx', { TG0: 3n }],
    ['TGx', { EPD1: 0n, TG1: 0n, T1SZ: 16n }],
    ['TxSZ', { T0SZ: 15n }],
    ['TxSZ', { T0SZ: 40n }],
    ['TTBx', { TTB0: 2n ** 44n }],
    ['TTBx', { IPS: 0n, TTB0: 2n ** 32n }],
  ])('is ILLEGAL for %s: %o', (about, values) => {
    expect(cd(values)).toBe(about);
  });

  it('ignores the fields of a half whose EPDx is 1', () => {
    const lower = { EPD0: 1n, TG0: 3n, T0SZ: 0n, TTB0: 2n ** 50n };
    expect(cd({ ...lower, EPD1: 0n, TG1: 2n, T1SZ: 16n })).toBeUndefined();
    expect(cd({ ...lower, ENDI: 1n, EPD1: 1n })).toBeUndefined();
  });

  it('may stall where SMMU and STE allow it, and must where the SMMU can only stall', () => {
    const judged = (
      model: number,
      values: Record<string, bigint>,
      S1STALLD = 0n,
    ): string | undefined => {
      const idr0 = (NESTED_IDR[0] & ~(3 << 24)) | (model << 24);
      const idr = [idr0, NESTED_IDR[1], 0, 0x1414, 0, 0x74] as const;
      const words = CD.encode({ ...CONTEXT, ...values });
      const owner = STE.encode({ ...NESTED, S1STALLD });
      return whyCdIllegal(words, owner, { ...configuration, idr })?.about;
    };
    expect(judged(0, { S: 1n })).toBeUndefined();
    expect(judged(0, { S: 1n }, 1n)).toBe('S');
    expect(judged(0, { S: 0n }, 1n)).toBeUndefined();
    expect(judged(2, { S: 0n })).toBe('S');
  });

  it('has input sizes as IDR3.STT, IDR5.VAX and its granule allow', () => {
    const judged = (idr3: number, idr5: number, values: Record<string, bigint>): unknown => {
      const idr = [NESTED_IDR[0], NESTED_IDR[1], 0, idr3, 0, idr5] as const;
      const words = CD.encode({ ...CONTEXT, ...values });
      return whyCdIllegal(words, STE.encode(NESTED), { ...configuration, idr })?.about;
    };
    const STT = 1 << 9;
    const [granule4K, granule64K] = [0n, 1n];
    expect(judged(STT, 0x74, { T0SZ: 48n, TG0: granule4K })).toBeUndefined();
    expect(judged(STT, 0x74, { T0SZ: 49n, TG0: granule4K })).toBe('TxSZ');
    expect(judged(STT, 0x74, { T0SZ: 47n, TG0: granule64K })).toBeUndefined();
    expect(judged(STT, 0x74, { T0SZ: 48n, TG0: granule64K })).toBe('TxSZ');
    expect(judged(0, 0x474, { T0SZ: 12n, TG0: granule64K })).toBeUndefined();
    expect(judged(0, 0x474, { T0SZ: 11n, TG0: granule64K })).toBe('TxSZ');
    expect(judged(0, 0x474, { T0SZ: 12n, TG0: granule4K })).toBe('TxSZ');
    expect(judged(0, 0x74, { T0SZ: 12n, TG0: granule64K })).toBe('TxSZ');
  });

  it('has 8-bit ASIDs without IDR0.ASID16', () => {
    const idr = [NESTED_IDR[0] & ~(1 << 12), NESTED_IDR[1], 0, 0x1414, 0, 0x74] as const;
    const words = CD.encode({ ...CONTEXT, ASID: 0x100n });
    expect(whyCdIllegal(words, STE.encode(NESTED), { ...configuration, idr })?.about).toBe('ASID');
    expect(whyCdIllegal(words, STE.encode(NESTED), configuration)).toBeUndefined();
  });
});
