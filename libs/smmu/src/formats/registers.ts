import { address, bit, bits, layout, type Field, type Layout } from './layout';

/** One memory-mapped register of the Non-secure programming interface. */
export interface RegisterFormat {
  /** Byte offset from the SMMU's base; registers of page 1 are at 0x10000 and above. */
  readonly offset: number;
  readonly width: 32 | 64;
  readonly layout: Layout<Record<string, Field>>;
}

const OAS = {
  '32': 0n,
  '36': 1n,
  '40': 2n,
  '42': 3n,
  '44': 4n,
  '48': 5n,
  '52': 6n,
  '56': 7n,
} as const;

const enables = {
  SMMUEN: bit(0),
  PRIQEN: bit(1),
  EVENTQEN: bit(2),
  CMDQEN: bit(3),
  ATSCHK: bit(4),
};
const globalErrors = {
  CMDQ_ERR: bit(0),
  EVENTQ_ABT_ERR: bit(2),
  PRIQ_ABT_ERR: bit(3),
  MSI_CMDQ_ABT_ERR: bit(4),
  MSI_EVENTQ_ABT_ERR: bit(5),
  MSI_PRIQ_ABT_ERR: bit(6),
  MSI_GERROR_ABT_ERR: bit(7),
  SFM_ERR: bit(8),
};
const interrupts = { GERROR_IRQEN: bit(0), PRIQ_IRQEN: bit(1), EVENTQ_IRQEN: bit(2) };
const queueBase = { LOG2SIZE: bits(4, 0), ADDR: address(55, 5, 5), RA_WA: bit(62) };
const msiAddress = { ADDR: address(55, 2, 2) };
const msiAttributes = { MemAttr: bits(3, 0), SH: bits(5, 4, { NSH: 0n, OSH: 2n, ISH: 3n }) };

function register(
  name: string,
  offset: number,
  width: 32 | 64,
  fields: Record<string, Field>,
): RegisterFormat {
  return { offset, width, layout: layout(`SMMU_${name}`, width, fields) };
}

/**
 * The registers of the Non-secure programming interface, without the `SMMU_` prefix (IHI 0070
 * §6.3).
 */
export const REGISTERS = {
  IDR0: register('IDR0', 0x00, 32, {
    S2P: bit(0),
    S1P: bit(1),
    TTF: bits(3, 2, { AARCH32: 1n, AARCH64: 2n, BOTH: 3n }),
    COHACC: bit(4),
    BTM: bit(5),
    HTTU: bits(7, 6, { NONE: 0n, ACCESS: 1n, ACCESS_DIRTY: 2n }),
    DORMHINT: bit(8),
    HYP: bit(9),
    ATS: bit(10),
    NS1ATS: bit(11),
    ASID16: bit(12),
    MSI: bit(13),
    SEV: bit(14),
    ATOS: bit(15),
    PRI: bit(16),
    VMW: bit(17),
    VMID16: bit(18),
    CD2L: bit(19),
    VATOS: bit(20),
    TTENDIAN: bits(22, 21, { MIXED: 0n, LITTLE: 2n, BIG: 3n }),
    ATSRECERR: bit(23),
    STALL_MODEL: bits(25, 24, { BOTH: 0n, TERMINATE: 1n, STALL: 2n }),
    TERM_MODEL: bit(26),
    ST_LEVEL: bits(28, 27, { LINEAR: 0n, TWO_LEVEL: 1n }),
    RME_IMPL: bit(30),
  }),
  IDR1: register('IDR1', 0x04, 32, {
    SIDSIZE: bits(5, 0),
    SSIDSIZE: bits(10, 6),
    PRIQS: bits(15, 11),
    EVENTQS: bits(20, 16),
    CMDQS: bits(25, 21),
    ATTR_PERMS_OVR: bit(26),
    ATTR_TYPES_OVR: bit(27),
    REL: bit(28),
    QUEUES_PRESET: bit(29),
    TABLES_PRESET: bit(30),
    ECMDQ: bit(31),
  }),
  IDR2: register('IDR2', 0x08, 32, { BA_VATOS: bits(9, 0) }),
  IDR3: register('IDR3', 0x0c, 32, {
    HAD: bit(2),
    PBHA: bit(3),
    XNX: bit(4),
    PPS: bit(5),
    MPAM: bit(7),
    FWB: bit(8),
    STT: bit(9),
    RIL: bit(10),
    BBML: bits(12, 11),
    E0PD: bit(13),
    PTWNNC: bit(14),
    DPT: bit(15),
    PASIDTT: bit(16),
    EPAN: bit(17),
    S1PI: bit(18),
    S2PI: bit(19),
    S2PO: bit(20),
    THE: bit(21),
    MTEPERM: bit(22),
    AIE: bit(23),
  }),
  IDR4: register('IDR4', 0x10, 32, { IMPDEF: bits(31, 0) }),
  IDR5: register('IDR5', 0x14, 32, {
    OAS: bits(2, 0, OAS),
    GRAN4K: bit(4),
    GRAN16K: bit(5),
    GRAN64K: bit(6),
    DS: bit(7),
    D128: bit(8),
    VAX: bits(11, 10, { '48': 0n, '52': 1n, '56': 2n }),
    STALL_MAX: bits(31, 16),
  }),
  IIDR: register('IIDR', 0x18, 32, {
    Implementer: bits(11, 0, { ARM: 0x43bn }),
    Revision: bits(15, 12),
    Variant: bits(19, 16),
    ProductID: bits(31, 20),
  }),
  AIDR: register('AIDR', 0x1c, 32, { ArchMinorRev: bits(3, 0), ArchMajorRev: bits(7, 4) }),
  CR0: register('CR0', 0x20, 32, { ...enables, VMW: bits(8, 6), DPT_WALK_EN: bit(10) }),
  CR0ACK: register('CR0ACK', 0x24, 32, { ...enables, VMW: bits(8, 6), DPT_WALK_EN: bit(10) }),
  CR1: register('CR1', 0x28, 32, {
    QUEUE_IC: bits(1, 0),
    QUEUE_OC: bits(3, 2),
    QUEUE_SH: bits(5, 4),
    TABLE_IC: bits(7, 6),
    TABLE_OC: bits(9, 8),
    TABLE_SH: bits(11, 10),
  }),
  CR2: register('CR2', 0x2c, 32, {
    E2H: bit(0),
    RECINVSID: bit(1),
    PTM: bit(2),
    REC_CFG_ATS: bit(3),
  }),
  STATUSR: register('STATUSR', 0x40, 32, { DORMANT: bit(0) }),
  GBPA: register('GBPA', 0x44, 32, {
    MemAttr: bits(3, 0),
    MTCFG: bit(4),
    ALLOCCFG: bits(11, 8),
    SHCFG: bits(13, 12, { NSH: 0n, INCOMING: 1n, OSH: 2n, ISH: 3n }),
    PRIVCFG: bits(17, 16),
    INSTCFG: bits(19, 18),
    ABORT: bit(20),
    UPDATE: bit(31),
  }),
  AGBPA: register('AGBPA', 0x48, 32, { IMPDEF: bits(31, 0) }),
  IRQ_CTRL: register('IRQ_CTRL', 0x50, 32, interrupts),
  IRQ_CTRLACK: register('IRQ_CTRLACK', 0x54, 32, interrupts),
  GERROR: register('GERROR', 0x60, 32, globalErrors),
  GERRORN: register('GERRORN', 0x64, 32, globalErrors),
  GERROR_IRQ_CFG0: register('GERROR_IRQ_CFG0', 0x68, 64, msiAddress),
  GERROR_IRQ_CFG1: register('GERROR_IRQ_CFG1', 0x70, 32, { DATA: bits(31, 0) }),
  GERROR_IRQ_CFG2: register('GERROR_IRQ_CFG2', 0x74, 32, msiAttributes),
  STRTAB_BASE: register('STRTAB_BASE', 0x80, 64, { ADDR: address(55, 6, 6), RA: bit(62) }),
  STRTAB_BASE_CFG: register('STRTAB_BASE_CFG', 0x88, 32, {
    LOG2SIZE: bits(5, 0),
    SPLIT: bits(10, 6),
    FMT: bits(17, 16, { LINEAR: 0n, TWO_LEVEL: 1n }),
  }),
  CMDQ_BASE: register('CMDQ_BASE', 0x90, 64, queueBase),
  CMDQ_PROD: register('CMDQ_PROD', 0x98, 32, { WR: bits(19, 0) }),
  CMDQ_CONS: register('CMDQ_CONS', 0x9c, 32, {
    RD: bits(19, 0),
    ERR: bits(30, 24, { CERROR_NONE: 0n, CERROR_ILL: 1n, CERROR_ABT: 2n, CERROR_ATC_INV_SYNC: 3n }),
  }),
  EVENTQ_BASE: register('EVENTQ_BASE', 0xa0, 64, queueBase),
  EVENTQ_PROD: register('EVENTQ_PROD', 0x100a8, 32, { WR: bits(19, 0), OVFLG: bit(31) }),
  EVENTQ_CONS: register('EVENTQ_CONS', 0x100ac, 32, { RD: bits(19, 0), OVACKFLG: bit(31) }),
  EVENTQ_IRQ_CFG0: register('EVENTQ_IRQ_CFG0', 0xb0, 64, msiAddress),
  EVENTQ_IRQ_CFG1: register('EVENTQ_IRQ_CFG1', 0xb8, 32, { DATA: bits(31, 0) }),
  EVENTQ_IRQ_CFG2: register('EVENTQ_IRQ_CFG2', 0xbc, 32, msiAttributes),
  PRIQ_BASE: register('PRIQ_BASE', 0xc0, 64, queueBase),
  PRIQ_PROD: register('PRIQ_PROD', 0x100c8, 32, { WR: bits(19, 0), OVFLG: bit(31) }),
  PRIQ_CONS: register('PRIQ_CONS', 0x100cc, 32, { RD: bits(19, 0), OVACKFLG: bit(31) }),
  PRIQ_IRQ_CFG0: register('PRIQ_IRQ_CFG0', 0xd0, 64, msiAddress),
  PRIQ_IRQ_CFG1: register('PRIQ_IRQ_CFG1', 0xd8, 32, { DATA: bits(31, 0) }),
  PRIQ_IRQ_CFG2: register('PRIQ_IRQ_CFG2', 0xdc, 32, { ...msiAttributes, LO: bit(31) }),
} as const satisfies Record<string, RegisterFormat>;

/** Name of a register, without its `SMMU_` prefix. */
export type RegisterName = keyof typeof REGISTERS;
