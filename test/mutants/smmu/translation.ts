import { mutants } from '../mutant';

const S1 = 'translation/stage1.ts';
const S2 = 'translation/stage2.ts';
const PERMISSIONS = 'translation/permissions.ts';
const INPUT = 'translation/input-address.ts';
const BREAK = 'translation/break-before-make.ts';
const TRANSLATOR = 'translation/translator.ts';

/** Walks, permissions, hardware updates, and the order of the stages. */
export const TRANSLATION = mutants('translation', [
  [
    S1,
    "if ((entry.lo & VALID) === 0) return fault('F_TRANSLATION');",
    "if ((entry.lo & VALID) === 9) return fault('F_TRANSLATION');",
    'DDI 0487 D8.3: an invalid descriptor',
  ],
  [
    S1,
    '(level === 3 || level < granule.firstBlockLevel)',
    '(level === 3 || level <= granule.firstBlockLevel)',
    'DDI 0487 D8.3: levels that have blocks',
  ],
  [S1, '(level === 3 || level', '(level === 4 || level', 'DDI 0487 D8.3: 0b01 at level 3'],
  [
    S1,
    'if (output >= context.outputLimit)',
    'if (output > context.outputLimit * 4)',
    '§5.4 IPS: F_ADDR_SIZE',
  ],
  [
    S1,
    'if (context.accessFlagFaults && (entry.lo & ACCESS_FLAG) === 0)',
    'if (context.accessFlagFaults && (entry.lo & ACCESS_FLAG) !== 0)',
    '§5.4 AFFD: F_ACCESS',
  ],
  [S1, 'half.hierarchical ? tables.bits : 0', 'half.hierarchical ? 0 : tables.bits', '§5.4 HAD'],
  [
    S1,
    'this.global = (lo & NOT_GLOBAL) === 0;',
    'this.global = (lo & NOT_GLOBAL) !== 0;',
    '§3.17.1 nG',
  ],
  [
    S1,
    '(own | (apTable & 2)) & ~(apTable & 1)',
    'own & ~(apTable & 1)',
    'DDI 0487 D8.4: APTable[1]',
  ],
  [S1, '(own | (apTable & 2)) & ~', '(own | (apTable & 2)) | ~', 'DDI 0487 D8.4: APTable[0]'],
  [S1, "'TT', S2_READ)", "'IN', S2_READ)", '§7.3: CLASS of a stage-2 fault on a table fetch'],
  [
    S1,
    'if (!dirties && (entry.lo & ACCESS_FLAG) !== 0) return undefined;',
    'if (!dirties) return undefined;',
    '§3.13 hardware update of the Access flag',
  ],
  [S1, 'entry.lo &= ~AP_READ_ONLY;', 'entry.lo |= AP_READ_ONLY;', '§3.13 dirty state of stage 1'],
  [S1, '(hi & DBM) !== 0 &&', '(hi & DBM) === 0 &&', '§3.13 DBM of stage 1'],
  [
    S1,
    "'TT', S2_WRITE)",
    "'TT', S2_READ)",
    '§3.13: an update of a table is a write through stage 2',
  ],
  [S1, 'index < 4 ? 0 : 1', 'index < 4 ? 1 : 0', '§5.4 MAIR0, MAIR1'],
  [
    S2,
    "if (at.address() >= context.inputLimit) return this.fault('F_TRANSLATION'",
    "if (at.address() > context.inputLimit * 2) return this.fault('F_TRANSLATION'",
    '§5.2 S2T0SZ: the IPA range',
  ],
  [
    S2,
    "if ((entry.lo & VALID) === 0) return this.fault('F_TRANSLATION', access);",
    "if ((entry.lo & VALID) === 9) return this.fault('F_TRANSLATION', access);",
    'DDI 0487 D8.3, stage 2',
  ],
  [
    S2,
    '(level === 3 || level < granule.firstBlockLevel)',
    '(level === 3 || level <= granule.firstBlockLevel)',
    'DDI 0487 D8.3: blocks of stage 2',
  ],
  [
    S2,
    "if (output >= context.outputLimit) return this.fault('F_ADDR_SIZE'",
    "if (output >= context.outputLimit * 4) return this.fault('F_ADDR_SIZE'",
    '§5.2 S2PS: F_ADDR_SIZE',
  ],
  [
    S2,
    'if (context.accessFlagFaults && (entry.lo & ACCESS_FLAG) === 0)',
    'if (context.accessFlagFaults && (entry.lo & ACCESS_FLAG) !== 0)',
    '§5.2 S2AFFD',
  ],
  [
    S2,
    "context.protectedWalks && access !== 'IN'",
    "context.protectedWalks && access === 'IN'",
    '§5.2 S2PTW',
  ],
  [S2, 'entry.lo |= S2AP_WRITE;', 'entry.lo &= ~S2AP_WRITE;', '§3.13 dirty state of stage 2'],
  [S2, '(hi & S2_DBM) !== 0', '(hi & S2_DBM) === 0', '§3.13 DBM of stage 2'],
  [
    S2,
    'if ((this.info & need) !== need) {',
    'if ((this.info & need) === need) {',
    '§5.2 S2AP: F_PERMISSION',
  ],
  [
    S2,
    '? (memAttr & 0b100) === 0',
    '? (memAttr & 0b100) !== 0',
    'DDI 0487 D8.6: Device with S2FWB',
  ],
  [
    PERMISSIONS,
    'const readOnly = (ap & 2) !== 0;',
    'const readOnly = (ap & 2) === 0;',
    'DDI 0487 D8.4: AP[2]',
  ],
  [
    PERMISSIONS,
    'const unprivileged = (ap & 1) !== 0;',
    'const unprivileged = (ap & 1) === 0;',
    'DDI 0487 D8.4: AP[1]',
  ],
  [
    PERMISSIONS,
    'if (!uxn && !(never && unprivileged && writable))',
    'if (uxn && !(never && unprivileged && writable))',
    'DDI 0487 D8.4: UXN',
  ],
  [
    PERMISSIONS,
    'if (!pxn && !(unprivileged && writable)',
    'if (!pxn && !(unprivileged && !writable)',
    'DDI 0487 D8.4: writable by EL0 is never executed by EL1',
  ],
  [
    PERMISSIONS,
    '((s2ap & 1) !== 0 ? S2_READ : 0)',
    '((s2ap & 1) !== 0 ? S2_WRITE : 0)',
    'DDI 0487 D8.4: S2AP[0]',
  ],
  [
    PERMISSIONS,
    'return (xn & 2) === 0 ? granted',
    'return (xn & 2) !== 0 ? granted',
    'DDI 0487 D8.4: XN of stage 2',
  ],
  [
    INPUT,
    'isBelow(first.inputBits, kept,',
    'isBelow(first.inputBits + 1, kept,',
    '§3.4.1 range of TTB0',
  ],
  [
    INPUT,
    'isBelow(second.inputBits, ~kept,',
    'isBelow(second.inputBits + 1, ~kept,',
    '§3.4.1 range of TTB1',
  ],
  [INPUT, 'first.ignoresTopByte ?', '!first.ignoresTopByte ?', '§5.4 TBI0'],
  [INPUT, 'second.ignoresTopByte ?', '!second.ignoresTopByte ?', '§5.4 TBI1'],
  [
    TRANSLATOR,
    'half.unprivilegedFaults && !need.privileged',
    'half.unprivilegedFaults && need.privileged',
    '§5.4 E0PD',
  ],
  [BREAK, 'conflictsFault: level < 2', 'conflictsFault: level < 1', '§3.21.1.2 BBML 1'],
  [BREAK, 'heedsNoTranslation: level === 1', 'heedsNoTranslation: level === 2', '§3.21.1.3 nT'],
  [
    TRANSLATOR,
    'this.tlb.covering(own, at) + others > 1',
    'this.tlb.covering(own, at) > 1',
    '§3.21.1.1: a global entry over one that is not',
  ],
  [S2, 'tlb.covering(context.space, at) > 1', 'false', '§7.3.17 S2'],
  [TRANSLATOR, 'if (half.disabled) return', 'if (!half.disabled) return', '§5.4 EPD0, EPD1'],
  [
    TRANSLATOR,
    'sizeIndex = Math.min(sizeIndex, this.stage2.sizeIndex);',
    'sizeIndex = Math.max(sizeIndex, this.stage2.sizeIndex);',
    '§3.3.3: a combined entry has the smaller size',
  ],
  [
    TRANSLATOR,
    'walk.global ? context.spaces.global : context.spaces.own',
    'walk.global ? context.spaces.own : context.spaces.global',
    '§3.17.1: global entries',
  ],
]);
