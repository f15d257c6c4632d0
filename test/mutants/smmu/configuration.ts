import { mutants } from '../mutant';

const STE = 'configuration/ste-legality.ts';
const CD = 'configuration/cd-legality.ts';
const TABLE = 'configuration/stream-table.ts';
const SUBSTREAM = 'configuration/substream.ts';
const REGISTERS = 'registers/register-file.ts';
const CACHE = 'configuration/configuration-cache.ts';
const STREAM = 'configuration/stream-configuration.ts';
const FIELDS = 'configuration/ste-fields.ts';

/** Stream tables, STEs, CDs, SubstreamIDs and the registers that govern them. */
export const CONFIGURATION = mutants('configuration', [
  [STE, 'if (ste.V === 0) return INVALID;', 'if (ste.V === 9) return INVALID;', '§5.2 V'],
  [STE, 'usesStage1(ste) && !f.stage1,', 'usesStage1(ste) && f.stage1,', '§5.2 Config, IDR0.S1P'],
  [STE, 'usesStage2(ste) && !f.stage2,', 'usesStage2(ste) && f.stage2,', '§5.2 Config, IDR0.S2P'],
  [STE, 'ste.EATS === 2 &&', 'ste.EATS === 3 &&', '§5.2 EATS, split-stage'],
  [STE, 'ste.EATS === 1 && ste.S2S === 1', 'ste.EATS === 1 && ste.S2S === 0', '§5.2 EATS with S2S'],
  [STE, '(ste.STRW & 1) === 1', '(ste.STRW & 1) === 0', '§5.2 STRW'],
  [STE, '!f.vmid16 && ste.S2VMID > 0xff', 'f.vmid16 && ste.S2VMID > 0xff', '§5.2 S2VMID'],
  [
    STE,
    'ste.S1STALLD === 1 && f.stallModel !== 0',
    'ste.S1STALLD === 1 && f.stallModel === 0',
    '§5.2 S1STALLD',
  ],
  [STE, 'ste.S1CDMax > f.ssidSize', 'ste.S1CDMax < f.ssidSize', '§5.2 S1CDMax'],
  [STE, '!f.cd2l && (ste.S1Fmt === 1', 'f.cd2l && (ste.S1Fmt === 1', '§5.2 S1Fmt'],
  [STE, 'ste.S1ContextPtr >= 2 **', 'ste.S1ContextPtr < 2 **', '§5.2 S1ContextPtr'],
  [STE, 'ste.S2S === 1 && f.stallModel === 1', 'ste.S2S === 0 && f.stallModel === 1', '§5.2 S2S'],
  [STE, '(ste.S2AA64 === 1 ? !f.aarch64', '(ste.S2AA64 === 0 ? !f.aarch64', '§5.2 S2AA64'],
  [STE, 'granule(ste, f) === undefined,', 'granule(ste, f) !== undefined,', '§5.2 S2TG'],
  [STE, 'ste.S2TTB % LARGEST_PA >= 2', 'ste.S2TTB % LARGEST_PA < 2', '§5.2 S2TTB'],
  [
    STE,
    'ste.S2T0SZ < smallestS2T0sz(ste, f) ||',
    'ste.S2T0SZ <= smallestS2T0sz(ste, f) ||',
    '§5.2 S2T0SZ, smallest',
  ],
  [
    STE,
    'ste.S2T0SZ > largestTxsz(ste, f)',
    'ste.S2T0SZ >= largestTxsz(ste, f)',
    '§5.2 S2T0SZ, largest',
  ],
  [
    STE,
    'f.ttEndian === 2 && ste.S2ENDI === 1',
    'f.ttEndian === 2 && ste.S2ENDI === 0',
    '§5.2 S2ENDI',
  ],
  [STE, 'ste.S2HD === 1) && f.httu === 0)', 'ste.S2HD === 1) && f.httu === 2)', '§5.2 S2HA, S2HD'],
  [
    STE,
    'if ((ste.Config & 0b100) === 0) return undefined;',
    'if ((ste.Config & 0b100) === 4) return undefined;',
    '§5.2 Config 0b0xx ignores the rest',
  ],
  [CD, 'illegal: (cd) => cd.V === 0 }', 'illegal: (cd) => cd.V === 9 }', '§5.4 V'],
  [
    CD,
    'owner.stallDisabled && cd.S === 1',
    'owner.stallDisabled && cd.S === 0',
    '§5.4 S with S1STALLD',
  ],
  [CD, 'f.abortOnly && cd.A === 0', 'f.abortOnly && cd.A === 1', '§5.4 A, IDR0.TERM_MODEL'],
  [
    CD,
    'f.stallModel === 1 && cd.S === 1',
    'f.stallModel === 1 && cd.S === 0',
    '§5.4 S, IDR0.STALL_MODEL',
  ],
  [CD, '(f.ttEndian === 2 && cd.ENDI === 1)', '(f.ttEndian === 2 && cd.ENDI === 0)', '§5.4 ENDI'],
  [CD, '? !f.aarch64 || owner.stage2Aarch32', '? f.aarch64 || owner.stage2Aarch32', '§5.4 AA64'],
  [CD, '!f.asid16 && cd.ASID > 0xff', 'f.asid16 && cd.ASID > 0xff', '§5.4 ASID'],
  [
    CD,
    '(half) => half.granule === undefined',
    '(half) => half.granule !== undefined',
    '§5.4 TG0, TG1',
  ],
  [
    CD,
    'half.txsz < smallestTxsz(half, f)',
    'half.txsz <= smallestTxsz(half, f)',
    '§5.4 T0SZ, smallest',
  ],
  [
    CD,
    'half.txsz > largestTxsz(half, f)',
    'half.txsz >= largestTxsz(half, f)',
    '§5.4 T0SZ, largest',
  ],
  [CD, 'half.ttb % LARGEST_PA >= 2', 'half.ttb % LARGEST_PA < 2', '§5.4 TTB0, IPS'],
  [
    CD,
    '.some((half) => !half.disabled &&',
    '.some((half) => half.disabled &&',
    '§5.4 EPD0: a disabled half is not looked at',
  ],
  [
    TABLE,
    'if (streamId >= 2 ** shape.log2Size)',
    'if (streamId > 2 ** shape.log2Size)',
    '§3.3.1 StreamID beyond the table',
  ],
  [TABLE, 'offset >= 2 ** (span - 1)', 'offset > 2 ** (span - 1)', '§5.1 Span'],
  [TABLE, 'span > 0 && span <= LARGEST_SPAN', 'span >= 0 && span <= LARGEST_SPAN', '§5.1 Span 0'],
  [
    TABLE,
    'l2Ptr - (l2Ptr % bytes) + offset',
    'l2Ptr + offset',
    '§5.1 L2Ptr is aligned to the table',
  ],
  [
    SUBSTREAM,
    'cdMax === 0 || substreamId >= 2 ** cdMax',
    'cdMax === 0 || substreamId > 2 ** cdMax',
    '§3.3.2 SubstreamID beyond S1CDMax',
  ],
  [
    SUBSTREAM,
    'substreamId === 0 && withoutSubstream === 2',
    'substreamId === 0 && withoutSubstream === 1',
    '§5.2 S1DSS 0b10',
  ],
  [
    SUBSTREAM,
    'return withoutSubstream === 1 ? undefined',
    'return withoutSubstream === 0 ? undefined',
    '§5.2 S1DSS 0b00, 0b01',
  ],
  [REGISTERS, 'STRTAB_BASE: SMMUEN,', '', '§6.3.23 STRTAB_BASE is guarded by SMMUEN'],
  [
    REGISTERS,
    'if ((word & UPDATE) === 0n) return false;',
    'if ((word & UPDATE) !== 0n) return false;',
    '§6.3.14 GBPA.UPDATE',
  ],
  [REGISTERS, "  'GERROR',\n", '', '§6.3.17 GERROR is read-only'],
  [
    CACHE,
    'if (covering.some(({ likeness }) => likeness !== first.likeness)) return CONFLICT;',
    '',
    '§5.2 CONT: F_CFG_CONFLICT',
  ],
  [
    CACHE,
    'return own ?? this.keepCopy(streamId, first);',
    'return own;',
    '§5.2 CONT: a cached STE answers for its span',
  ],
  [
    CACHE,
    'for (const copy of copies ?? []) this.removeStream(copy);',
    '',
    '§4.3.1: CFGI_STE takes the STE in all its copies',
  ],
  [
    CACHE,
    '    // Whoever was asked for last may now have several answers.\n    this.recent.fill(undefined);',
    '',
    '§5.2 CONT: an STE that is cached later conflicts too',
  ],
  [STREAM, 'Math.min(ste.CONT, arrayLog2)', 'ste.CONT', '§5.2 CONT: a span ends with its array'],
  [
    STREAM,
    "disposition === 'illegal' ? 0 : Math.min",
    'Math.min',
    '§5.2 CONT of a valid STE alone',
  ],
  [
    STREAM,
    'const own = { cds: new CachedCds(), spanLog2',
    'const own = { spanLog2',
    '§4.3.3: CDs belong to a StreamID',
  ],
  [FIELDS, "name !== 'CONT' && ", '', '§5.2 CONT: STEs of a span may differ by it'],
  [
    TABLE,
    'this.arrayLog2 = Math.min(span - 1, shape.log2Size);',
    'this.arrayLog2 = shape.log2Size;',
    '§5.2 CONT in a level-2 array',
  ],
]);
