import type { Decoded } from '../decoded';

type Meaning = (value: bigint) => string | undefined;
type Meanings = Readonly<Record<string, Meaning>>;

/** What a one-bit field says when it is clear and when it is set. */
const flag =
  (clear: string, set: string): Meaning =>
  (value) =>
    value === 0n ? clear : set;
const power =
  (what: string, bias = 0n): Meaning =>
  (value) =>
    `${1n << (value - bias)} ${what}`;
const inputSize: Meaning = (value) => `${64n - value}-bit input addresses`;

/** Stage-2 MemAttr without forced write-back (DDI 0487 D8.6.5). */
const STAGE2_TYPES = ['Device-nGnRnE', 'Device-nGnRE', 'Device-nGRE', 'Device-GRE'];
const CACHEABILITY = ['', 'Non-cacheable', 'Write-Through', 'Write-Back'];
const stage2Type: Meaning = (value) => {
  const inner = CACHEABILITY[Number(value & 3n)];
  const outer = CACHEABILITY[Number(value >> 2n)];
  if (value < 4n) return STAGE2_TYPES[Number(value)];
  return inner ? `outer ${outer}, inner ${inner} (without S2FWB)` : 'reserved without S2FWB';
};

const LEAF: Meanings = {
  Valid: flag('invalid', 'valid'),
  AF: flag('an access faults or sets it', 'accessed'),
  DBM: flag('', 'a write may make it writable'),
  Contiguous: flag('', 'hint: neighbours map contiguously'),
};

const STRUCTURE: Meanings = {
  V: flag('not valid', 'valid'),
  ENDI: flag('little-endian tables', 'big-endian tables'),
  AA64: flag('VMSAv8-32 tables', 'VMSAv8-64 tables'),
};

/** Meanings of values that are not named encodings, by entry and field. */
const MEANINGS: Readonly<Record<string, Meanings>> = {
  STE: {
    ...STRUCTURE,
    S1CDMax: (value) => (value === 0n ? 'one CD, no SubstreamIDs' : power('CDs')(value)),
    S1STALLD: flag('CDs may stall', 'no CD may stall'),
    S2T0SZ: inputSize,
    S2AA64: flag('VMSAv8-32 tables', 'VMSAv8-64 tables'),
    S2ENDI: flag('little-endian tables', 'big-endian tables'),
    S2AFFD: flag('AF=0 faults', 'AF=0 does not fault'),
    S2PTW: flag('', 'stage-1 walks to Device memory fault'),
    S2S: flag('faults terminate', 'faults stall'),
    S2R: flag('faults are not recorded', 'faults are recorded'),
    S2HA: flag('', 'hardware sets the Access flag'),
    S2HD: flag('', 'hardware keeps the dirty state'),
    S2FWB: flag('', 'stage 2 forces the memory type'),
  },
  CD: {
    ...STRUCTURE,
    T0SZ: inputSize,
    T1SZ: inputSize,
    EPD0: flag('TTB0 is walked', 'TTB0 is not walked'),
    EPD1: flag('TTB1 is walked', 'TTB1 is not walked'),
    AFFD: flag('AF=0 faults', 'AF=0 does not fault'),
    WXN: flag('', 'what is writable is not executable'),
    TBI0: flag('', 'the top byte is ignored'),
    TBI1: flag('', 'the top byte is ignored'),
    PAN: flag('', 'privileged data accesses to unprivileged pages fault'),
    HA: flag('', 'hardware sets the Access flag'),
    HD: flag('', 'hardware keeps the dirty state'),
    S: flag('faults terminate', 'faults stall'),
    R: flag('faults are not recorded', 'faults are recorded'),
    A: flag('terminated accesses read zero', 'terminated accesses abort'),
    ASET: flag('ASIDs shared with PEs', 'ASIDs of the SMMU alone'),
    HAD0: flag('', 'hierarchical permissions are off'),
    HAD1: flag('', 'hierarchical permissions are off'),
  },
  L1STD: {
    Span: (value) =>
      value === 0n ? 'invalid' : value > 11n ? 'reserved' : power('STEs', 1n)(value),
  },
  L1CD: STRUCTURE,
  'Table descriptor': {
    Valid: flag('invalid', 'valid'),
    PXNTable: flag('', 'nothing below is privileged-executable'),
    UXNTable: flag('', 'nothing below is unprivileged-executable'),
  },
  'stage-1 leaf': {
    ...LEAF,
    AttrIndx: (value) => `byte ${value} of CD.MAIR`,
    nG: flag('global', 'of one ASID'),
    PXN: flag('', 'not privileged-executable'),
    UXN: flag('', 'not unprivileged-executable'),
  },
  'stage-2 leaf': {
    ...LEAF,
    MemAttr: stage2Type,
    XN: (value) =>
      ['executable', 'unprivileged-executable', 'not executable', 'privileged-executable'][
        Number(value)
      ],
  },
};
const COMMAND: Meanings = {
  Leaf: flag('intermediate structures too', 'last level only'),
  SSec: flag('Non-secure stream', 'Secure stream'),
  SSV: flag('no SubstreamID', 'SubstreamID valid'),
};
const EVENT: Meanings = {
  SSV: flag('no SubstreamID', 'SubstreamID valid'),
  RnW: flag('write', 'read'),
  PnU: flag('unprivileged', 'privileged'),
  InD: flag('data', 'instruction'),
  S2: flag('stage 1', 'stage 2'),
  Stall: flag('terminated', 'waits for CMD_RESUME'),
};

/** The entry with a meaning beside every value that has one. */
export function withMeanings(kind: string, decoded: Decoded): Decoded {
  const table =
    kind === 'cmd'
      ? COMMAND
      : kind === 'event'
        ? EVENT
        : MEANINGS[kind === 'vste' ? 'STE' : decoded.name];
  const fields = decoded.fields.map((field) => {
    const meaning = field.meaning ?? table?.[field.name]?.(BigInt(field.value));
    return meaning === undefined || meaning === '' ? field : { ...field, meaning };
  });
  return { ...decoded, fields };
}
