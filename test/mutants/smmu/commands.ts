import { mutants } from '../mutant';

const LEGALITY = 'commands/command-legality.ts';
const EFFECTS = 'commands/command-effects.ts';
const QUEUE = 'commands/command-queue.ts';
const EVENTS = 'events/event-queue.ts';
const ERRORS = 'registers/global-errors.ts';
const SMMU = 'smmu.ts';
const FAULTED = 'stalls/faulted-transactions.ts';

/** The command set, both queues, faults and events. */
export const COMMANDS = mutants('commands', [
  [LEGALITY, 'illegal: (c) => c.SSec === 1', 'illegal: (c) => c.SSec === 9', '§4.1.6 SSec'],
  [
    LEGALITY,
    'illegal: (_c, f) => !f.stage1',
    'illegal: (_c, f) => f.stage1',
    '§4.4 without stage 1',
  ],
  [
    LEGALITY,
    'illegal: (_c, f) => !f.stage2',
    'illegal: (_c, f) => f.stage2',
    '§4.4 without stage 2',
  ],
  [LEGALITY, 'illegal: (_c, f) => !f.hyp', 'illegal: (_c, f) => f.hyp', '§4.4 without EL2'],
  [LEGALITY, 'illegal: (c) => c.CS === CS_RESERVED', 'illegal: (c) => c.CS === 0', '§4.7.3 CS'],
  [LEGALITY, 'illegal: (_c, f) => !f.ats', 'illegal: (_c, f) => f.ats', '§4.5 ATC_INV without ATS'],
  [
    LEGALITY,
    'illegal: (_c, f) => f.stallModel === STALL_TERMINATE_ONLY',
    'illegal: (_c, f) => f.stallModel !== STALL_TERMINATE_ONLY',
    '§4.6 RESUME without stalls',
  ],
  [
    LEGALITY,
    'TLBI_NH_VA: [NO_STAGE1, RANGE]',
    'TLBI_NH_VA: [NO_STAGE1]',
    '§4.4.1.1 reserved range',
  ],
  [
    EFFECTS,
    't.configuration.removeStream(c.StreamID);',
    't.configuration.removeStream(c.StreamID + 1);',
    '§4.3.1 CFGI_STE',
  ],
  [
    EFFECTS,
    'if (c.Leaf === 0) t.configuration.removeL1std',
    'if (c.Leaf === 1) t.configuration.removeL1std',
    '§4.3.1 Leaf',
  ],
  [EFFECTS, 'const streams = 2 ** (c.Range + 1);', 'const streams = 2 ** c.Range;', '§4.3.2 Range'],
  [
    EFFECTS,
    'CFGI_CD_ALL: (c, t) => t.configuration.removeCds(c.StreamID),',
    'CFGI_CD_ALL: nothing,',
    '§4.3.4 CFGI_CD_ALL',
  ],
  [
    EFFECTS,
    't.configuration.removeCd(c.StreamID, c.SubstreamID, l1Indexes);',
    't.configuration.removeCd(c.StreamID, 0, l1Indexes);',
    '§4.3.3 SubstreamID',
  ],
  [
    EFFECTS,
    'TLBI_NSNH_ALL: (_c, t) => t.translations.removeNonHyp(),',
    'TLBI_NSNH_ALL: nothing,',
    '§4.4.4 TLBI_NSNH_ALL',
  ],
  [
    EFFECTS,
    'ifTagged((c, t) => t.translations.removeVmid(c.VMID))',
    'ifTagged((c, t) => t.translations.removeStage1(c.VMID))',
    '§4.4.3 S12_VMALL takes stage 2 too',
  ],
  [
    EFFECTS,
    't.translations.removeAsid(vmid(c, t.features), c.ASID)',
    't.translations.removeAsid(0, c.ASID)',
    '§4.4.2 VMID of NH_ASID',
  ],
  [
    EFFECTS,
    'tagged(c, t.features) ? effect(c, t) : undefined;',
    'effect(c, t);',
    '§4.4 tags wider than implemented',
  ],
  [
    EFFECTS,
    "c.Ac === 1 ? 'retry' : termination",
    "c.Ac === 0 ? 'retry' : termination",
    '§4.6.1 RESUME Ac',
  ],
  [
    EFFECTS,
    "c.Ab === 1 || t.features.abortOnly ? 'abort'",
    "c.Ab === 0 || t.features.abortOnly ? 'abort'",
    '§4.6.1 RESUME Ab',
  ],
  [EFFECTS, 'sizeLog2: c.Size + 12,', 'sizeLog2: c.Size + 11,', '§4.5.1 Size of ATC_INV'],
  [
    EFFECTS,
    "if (t.ats.takeTimeout()) return 'CERROR_ATC_INV_SYNC';",
    '',
    '§7.1 CERROR_ATC_INV_SYNC',
  ],
  [EFFECTS, 'if (c.CS === SIG_IRQ) t.comp', 'if (c.CS === SIG_SEV) t.comp', '§4.7.3 SIG_IRQ'],
  [QUEUE, 'registers.field(CMDQEN) === 0 ||', '', '§6.3.9 CMDQEN'],
  [
    QUEUE,
    "|| this.errors.isActive('CMDQ_ERR')) return;",
    ') return;',
    '§7.1: a queue with an error is stopped',
  ],
  [
    QUEUE,
    'if (stop === undefined) consumer = nextIndex(shape, consumer);',
    'consumer = nextIndex(shape, consumer);',
    '§7.1: CONS stays at the failing command',
  ],
  [QUEUE, "error: 'CERROR_ABT' };", "error: 'CERROR_ILL' };", '§7.1 CERROR_ABT'],
  [
    EVENTS,
    'return this.enabled && !this.full;',
    'return this.enabled;',
    '§7.2.1: a full queue takes no record',
  ],
  [
    EVENTS,
    'if (flag === this.registers.field(OVACKFLG))',
    'if (flag !== this.registers.field(OVACKFLG))',
    '§7.4 OVFLG',
  ],
  [EVENTS, "this.errors.activate('EVENTQ_ABT_ERR');", '', '§7.2.2 EVENTQ_ABT_ERR'],
  [
    EVENTS,
    "&& !this.errors.isActive('EVENTQ_ABT_ERR')",
    '',
    '§7.2.1: no record while an abort is pending',
  ],
  [ERRORS, 'if (this.isActive(error)) return;', '', '§7.5: an active error is not toggled again'],
  [
    FAULTED,
    'records = this.control.recordsBadStreamId;',
    'records = !this.control.recordsBadStreamId;',
    '§6.3.11 RECINVSID',
  ],
  [FAULTED, 'records = governing?.records ?? true;', 'records = true;', '§5.4 R, §5.2 S2R'],
  [
    FAULTED,
    'aborts = fault.stage === 2 || (context?.aborts ?? true);',
    'aborts = true;',
    '§5.5 A: RAZ/WI',
  ],
  [
    SMMU,
    'if (this.control.globalAbort || address',
    'if (!this.control.globalAbort || address',
    '§6.3.14 GBPA.ABORT',
  ],
  [
    FAULTED,
    'if (governing?.stalls === true) {',
    'if (governing?.stalls === false) {',
    '§3.12 the stall model',
  ],
]);
