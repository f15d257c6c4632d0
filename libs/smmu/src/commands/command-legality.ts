import type { Illegality } from '../configuration/legality';
import { commandName, type CommandName, type CommandWords } from '../formats/commands';
import { featuresOf, type Features, type SmmuConfiguration } from '../registers/features';
import { readCommand, type CommandFields } from './command-fields';
import { rangeIllegal } from './named-addresses';

/** A rule that makes a command CERROR_ILL. What is "not implemented" is so by the SMMU's IDRs (see Illegality). */
interface CommandRule extends Illegality {
  readonly illegal: (fields: CommandFields, features: Features) => boolean;
}

const CS_RESERVED = 3;
const RESP_RESERVED = 3;
const STALL_TERMINATE_ONLY = 1;

// Every command of the Non-secure queue that has the bit (IHI 0070 §4.1.6).
const SECURE: CommandRule = {
  about: 'SSec',
  why: 'the Non-secure queue cannot name Secure streams',
  illegal: (c) => c.SSec === 1,
};
const NO_STAGE1: CommandRule = {
  about: 'Opcode',
  why: 'stage 1 is not implemented',
  illegal: (_c, f) => !f.stage1,
};
const NO_STAGE2: CommandRule = {
  about: 'Opcode',
  why: 'stage 2 is not implemented',
  illegal: (_c, f) => !f.stage2,
};
const NO_EL2: CommandRule = {
  about: 'Opcode',
  why: 'EL2 is not implemented',
  illegal: (_c, f) => !f.hyp,
};
const EL3: CommandRule = {
  about: 'Opcode',
  why: 'only the Secure queue has EL3 commands',
  illegal: () => true,
};
const RANGE: CommandRule = {
  about: 'NUM, SCALE, TTL',
  why: 'TG names a granule, but there is neither a range nor a level',
  illegal: rangeIllegal,
};
const NO_MPAM: CommandRule = {
  about: 'Opcode',
  why: 'memory partitioning is not implemented',
  illegal: (_c, f) => !f.mpam,
};
const NO_ATS: CommandRule = {
  about: 'Opcode',
  why: 'ATS is not implemented',
  illegal: (_c, f) => !f.ats,
};
const NO_PRI: CommandRule = {
  about: 'Opcode',
  why: 'PRI is not implemented',
  illegal: (_c, f) => !f.pri,
};
const RESERVED_RESP: CommandRule = {
  about: 'Resp',
  why: 'the response is reserved',
  illegal: (c) => c.Resp === RESP_RESERVED,
};
const NO_STALLS: CommandRule = {
  about: 'Opcode',
  why: 'the SMMU cannot stall',
  illegal: (_c, f) => f.stallModel === STALL_TERMINATE_ONLY,
};
const RESERVED_CS: CommandRule = {
  about: 'CS',
  why: 'the completion signal is reserved',
  illegal: (c) => c.CS === CS_RESERVED,
};
const NO_DPT: CommandRule = {
  about: 'Opcode',
  why: 'device permission tables are not implemented',
  illegal: (_c, f) => !f.dpt,
};

/** What makes each command CERROR_ILL (IHI 0070 §4.1.3, and the command's own section). */
const RULES: Record<CommandName, readonly CommandRule[]> = {
  PREFETCH_CONFIG: [SECURE],
  PREFETCH_ADDR: [SECURE],
  CFGI_STE: [SECURE],
  CFGI_STE_RANGE: [SECURE],
  CFGI_CD: [SECURE, NO_STAGE1],
  CFGI_CD_ALL: [SECURE, NO_STAGE1],
  CFGI_VMS_PIDM: [SECURE, NO_MPAM],
  TLBI_NH_ALL: [NO_STAGE1],
  TLBI_NH_ASID: [NO_STAGE1],
  TLBI_NH_VA: [NO_STAGE1, RANGE],
  TLBI_NH_VAA: [NO_STAGE1, RANGE],
  TLBI_EL3_ALL: [EL3],
  TLBI_EL3_VA: [EL3],
  TLBI_EL2_ALL: [NO_EL2],
  TLBI_EL2_ASID: [NO_EL2],
  TLBI_EL2_VA: [NO_EL2, RANGE],
  TLBI_EL2_VAA: [NO_EL2, RANGE],
  TLBI_S12_VMALL: [NO_STAGE2],
  TLBI_S2_IPA: [NO_STAGE2, RANGE],
  TLBI_NSNH_ALL: [],
  ATC_INV: [SECURE, NO_ATS],
  PRI_RESP: [SECURE, NO_PRI, RESERVED_RESP],
  RESUME: [SECURE, NO_STALLS],
  STALL_TERM: [SECURE, NO_STALLS],
  SYNC: [RESERVED_CS],
  DPTI_ALL: [NO_DPT],
  DPTI_PA: [NO_DPT],
};

/** Why a command is CERROR_ILL, or undefined when it is not. */
export function commandIllegality(
  name: CommandName,
  fields: CommandFields,
  features: Features,
): Illegality | undefined {
  return RULES[name].find((rule) => rule.illegal(fields, features));
}

const UNKNOWN: Illegality = {
  about: 'Opcode',
  why: 'the opcode is reserved, of another queue, or IMPLEMENTATION DEFINED',
};

/** Why a command of two words is CERROR_ILL on an SMMU, or undefined when it is not. */
export function whyCommandIllegal(
  words: CommandWords,
  configuration: SmmuConfiguration,
): Illegality | undefined {
  const name = commandName(words);
  if (name === undefined) return UNKNOWN;
  const parts = words.flatMap((word) => [
    Number(BigInt.asUintN(32, word)),
    Number(BigInt.asUintN(32, word >> 32n)),
  ]);
  const rule = commandIllegality(name, readCommand(name, parts), featuresOf(configuration));
  return rule === undefined ? undefined : { about: rule.about, why: rule.why };
}
