import {
  CD_RULES,
  STE_RULES,
  composeCd,
  composeSte,
  type EntryRules,
  type EntryWords,
  type Stage2Configuration,
  type VsteWords,
} from '@steward/host';
import { CD, STE, STE_CONFIG } from '@steward/smmu';
import fc from 'fast-check';

const WORDS = 8;
const WORD_MAX = 2n ** 64n - 1n;

const stage2 = (vmid: number, s2fwb = false): Stage2Configuration => ({
  vmid,
  ttb: 0x1_0000_0000 + vmid * 0x1000,
  t0sz: 20,
  sl0: 2,
  ps: 4,
  s2fwb,
  stalls: false,
});

/** vSTEs of stage 1 that differ in one thing each: pointer, S1DSS, format, stalls. */
const STAGE1_VSTES: readonly VsteWords[] = [
  [0x8000_000bn, 0xd6n],
  [0x9000_000bn, 0xd6n],
  [0x8000_000bn, 0xd4n],
  [0x8000_000bn, 0xd5n],
  [0x9000_000bn, 0xd5n],
  [0x8000_000bn, 0x0800_00d6n],
  [0x2800_0000_8000_002bn, 0xd6n],
];
const BOTH = [false, true] as const;
/** Two tables of one CD, and one with PASIDs whose device has and has not a domain for what is sent without. */
const CD_TABLES = [
  { cdTable: { base: 0x1_0000_0000, format: 'linear', cdMax: 0 }, withoutSsid: 'ssid0' },
  { cdTable: { base: 0x1_0000_1000, format: 'linear', cdMax: 0 }, withoutSsid: 'ssid0' },
  { cdTable: { base: 0x1_0001_0000, format: 'two-level', cdMax: 20 }, withoutSsid: 'ssid0' },
  { cdTable: { base: 0x1_0001_0000, format: 'two-level', cdMax: 20 }, withoutSsid: 'terminate' },
] as const;

/** Every kind of STE that the driver writes, with the variations that its fields allow. */
export const CANONICAL_STES: readonly EntryWords[] = [
  Array.from({ length: WORDS }, () => 0n),
  composeSte({ kind: 'abort' }),
  composeSte({ kind: 'bypass' }),
  composeSte({ kind: 'bypass' }, true),
  ...CD_TABLES.flatMap((table) =>
    BOTH.flatMap((ats) =>
      BOTH.map((stallDisabled) => composeSte({ kind: 's1', ...table, ats, stallDisabled })),
    ),
  ),
  ...[stage2(1), stage2(2), stage2(1, true)].flatMap((parent) => [
    ...BOTH.map((ats) => composeSte({ kind: 's2', stage2: parent, ats }, true)),
    ...STAGE1_VSTES.flatMap((vste) =>
      BOTH.map((ats) =>
        composeSte({ kind: 'nested', stage2: parent, ats, vste, mergedEvents: ats }, true),
      ),
    ),
  ]),
];

/** The CDs that the driver writes, and one whose lower half is off, as SVA leaves it behind. */
export const CANONICAL_CDS: readonly EntryWords[] = [
  Array.from({ length: WORDS }, () => 0n),
  ...[1, 2].flatMap((asid) =>
    [0x1_0000_0000, 0x1_0000_1000].flatMap((ttb) =>
      [4, 5].map((ips) => composeCd({ asid, ttb, ips, stalls: false })),
    ),
  ),
  CD.encode({ V: 1n, EPD0: 1n, EPD1: 1n, AA64: 1n, R: 1n, A: 1n, ASET: 1n, ASID: 1n }),
];

/** An entry to start from and one to arrive at. */
export type EntryPair = readonly [current: EntryWords, target: EntryWords];

/** The Configs there are, and the entry that is not valid. */
const STE_KINDS = [
  { V: 0n },
  ...Object.values(STE_CONFIG).map((Config) => ({ V: 1n, Config })),
] as const;
const CD_KINDS = [{ V: 0n }, { V: 1n, EPD0: 0n }, { V: 1n, EPD0: 1n }] as const;

/** What differs in one word: mostly nothing, then one bit, then anything. */
const change: fc.Arbitrary<bigint> = fc.oneof(
  { arbitrary: fc.constant(0n), weight: 6 },
  { arbitrary: fc.nat({ max: 63 }).map((bit) => 1n << BigInt(bit)), weight: 2 },
  { arbitrary: fc.bigInt({ min: 0n, max: WORD_MAX }), weight: 1 },
);

/** Any two STEs that set no bit which hardware would ignore, whoever would write them. */
export const anyStePair = anyPair(STE_RULES, (words) =>
  fc.constantFrom(...STE_KINDS).map((kind) => STE.encode(kind, words)),
);
export const anyCdPair = anyPair(CD_RULES, (words) =>
  fc.constantFrom(...CD_KINDS).map((kind) => CD.encode(kind, words)),
);

/** Two entries that agree in most words: of two that agree in none, no update is ever hitless. */
function anyPair(
  rules: EntryRules,
  ofSomeKind: (words: EntryWords) => fc.Arbitrary<EntryWords>,
): fc.Arbitrary<EntryPair> {
  const entry = (words: EntryWords): fc.Arbitrary<EntryWords> =>
    ofSomeKind(words).map((made) => onlyUsed(rules, made));
  const words = fc.array(fc.bigInt({ min: 0n, max: WORD_MAX }), {
    minLength: WORDS,
    maxLength: WORDS,
  });
  const changes = fc.array(change, { minLength: WORDS, maxLength: WORDS });
  return fc.tuple(words, changes).chain(([from, by]) => {
    const to = from.map((word, i) => word ^ by[i]!);
    return fc.tuple(entry(from), entry(to));
  });
}

function onlyUsed(rules: EntryRules, entry: EntryWords): EntryWords {
  const used = rules.usedBits(entry);
  return entry.map((word, i) => word & used[i]!);
}
