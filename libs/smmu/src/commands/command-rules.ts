import type { ConfigurationCache } from '../configuration/configuration-cache';
import type { TranslationCache } from '../cache/translation-cache';
import type { CommandName } from '../formats/commands';
import type { Features } from '../registers/features';
import type { StalledTransactions } from '../stalls/stalled-transactions';
import { namedIpa, namedVa, rangeIllegal, type AddressFields } from './named-addresses';

/** The fields of any command as numbers; fields a command does not have read as 0. */
export interface CommandFields extends AddressFields {
  readonly SSec: number;
  readonly StreamID: number;
  readonly SubstreamID: number;
  readonly Leaf: number;
  readonly Range: number;
  readonly VMID: number;
  readonly ASID: number;
  readonly Resp: number;
  readonly Ac: number;
  readonly Ab: number;
  readonly STAG: number;
  readonly CS: number;
  readonly MSIData: number;
  readonly MSIAddress: number;
}

/** What commands act on. */
export interface CommandTarget {
  readonly features: Features;
  readonly configuration: ConfigurationCache;
  readonly translations: TranslationCache;
  readonly stalls: StalledTransactions;
  /** STRTAB_BASE_CFG.SPLIT where the table has two levels, otherwise 0. */
  readonly split: () => number;
  /** CR2.E2H. */
  readonly e2h: () => boolean;
  /** The 32-bit write by which CMD_SYNC signals its completion. */
  readonly signal: (address: number, data: number) => void;
}

/** When a command is CERROR_ILL, and what it does otherwise. */
export interface CommandRule {
  readonly illegal?: (fields: CommandFields, features: Features) => boolean;
  readonly effect?: (fields: CommandFields, target: CommandTarget) => void;
}

const SIG_IRQ = 1;
const CS_RESERVED = 3;
const RESP_RESERVED = 3;
const STALL_TERMINATE_ONLY = 1;

// SSec=1 on the Non-secure queue is CERROR_ILL for every command that has the bit (IHI 0070
// §4.1.6).
const secure = (c: CommandFields): boolean => c.SSec === 1;
const noStage1 = (_c: CommandFields, f: Features): boolean => !f.stage1;
const noStage2 = (_c: CommandFields, f: Features): boolean => !f.stage2;
const noHyp = (_c: CommandFields, f: Features): boolean => !f.hyp;
const never = (): boolean => true;

/** On an SMMU without stage 2 the VMID parameter is RES0 (IHI 0070 §4.4.2). */
const vmid = (c: CommandFields, f: Features): number => (f.stage2 ? c.VMID : 0);
/**
 * A tag wider than implemented names nothing: the command need not affect any entry (IHI 0070
 * §4.4).
 */
const tagged = (c: CommandFields, f: Features): boolean =>
  (f.asid16 || c.ASID <= 0xff) && (f.vmid16 || vmid(c, f) <= 0xff);

type Invalidate = (fields: CommandFields, target: CommandTarget) => void;
const ifTagged =
  (effect: Invalidate): Invalidate =>
  (c, t) => {
    if (tagged(c, t.features)) effect(c, t);
  };

/**
 * The command set: legality and effect of each command (IHI 0070 §4.2–§4.7). Every invalidation
 * removes exactly what the architecture demands; PREFETCH is a hint that is not taken, and there is
 * no ATC or PRI to act on.
 */
export const COMMAND_RULES: Record<CommandName, CommandRule> = {
  PREFETCH_CONFIG: { illegal: secure },
  PREFETCH_ADDR: { illegal: secure },
  CFGI_STE: {
    illegal: secure,
    effect: (c, t) => {
      t.configuration.removeStream(c.StreamID);
      if (c.Leaf === 0) t.configuration.removeL1std(Math.floor(c.StreamID / 2 ** t.split()));
    },
  },
  CFGI_STE_RANGE: {
    illegal: secure,
    effect: (c, t) => {
      const streams = 2 ** (c.Range + 1);
      const first = c.StreamID - (c.StreamID % streams);
      if (c.Range === 31) t.configuration.removeAll();
      else t.configuration.removeStreams(first, first + streams - 1, t.split());
    },
  },
  CFGI_CD: {
    illegal: (c, f) => secure(c) || !f.stage1,
    effect: (c, t) => {
      // The stream's table may have leaves of 64 or of 1024 CDs: with Leaf=0 both candidates go.
      const l1Indexes = c.Leaf === 0 ? [c.SubstreamID >>> 6, c.SubstreamID >>> 10] : [];
      t.configuration.removeCd(c.StreamID, c.SubstreamID, l1Indexes);
    },
  },
  CFGI_CD_ALL: {
    illegal: (c, f) => secure(c) || !f.stage1,
    effect: (c, t) => t.configuration.removeCds(c.StreamID),
  },
  CFGI_VMS_PIDM: { illegal: (c, f) => secure(c) || !f.mpam },
  TLBI_NH_ALL: {
    illegal: noStage1,
    effect: ifTagged((c, t) => t.translations.removeStage1(vmid(c, t.features))),
  },
  TLBI_NH_ASID: {
    illegal: noStage1,
    effect: ifTagged((c, t) => t.translations.removeAsid(vmid(c, t.features), c.ASID)),
  },
  TLBI_NH_VA: {
    illegal: (c, f) => !f.stage1 || rangeIllegal(c, f),
    effect: ifTagged((c, t) =>
      t.translations.removeVa(vmid(c, t.features), c.ASID, namedVa(c, t.features)),
    ),
  },
  TLBI_NH_VAA: {
    illegal: (c, f) => !f.stage1 || rangeIllegal(c, f),
    effect: ifTagged((c, t) =>
      t.translations.removeVaAllAsids(vmid(c, t.features), namedVa(c, t.features)),
    ),
  },
  TLBI_EL3_ALL: { illegal: never },
  TLBI_EL3_VA: { illegal: never },
  TLBI_EL2_ALL: { illegal: noHyp, effect: (_c, t) => t.translations.removeEl2() },
  TLBI_EL2_ASID: {
    illegal: noHyp,
    effect: ifTagged((c, t) => t.translations.removeEl2Asid(c.ASID)),
  },
  TLBI_EL2_VA: {
    illegal: (c, f) => !f.hyp || rangeIllegal(c, f),
    effect: ifTagged((c, t) => t.translations.removeEl2Va(c.ASID, t.e2h(), namedVa(c, t.features))),
  },
  TLBI_EL2_VAA: {
    illegal: (c, f) => !f.hyp || rangeIllegal(c, f),
    effect: (c, t) => t.translations.removeEl2VaAllAsids(t.e2h(), namedVa(c, t.features)),
  },
  TLBI_S12_VMALL: {
    illegal: noStage2,
    effect: ifTagged((c, t) => t.translations.removeVmid(c.VMID)),
  },
  TLBI_S2_IPA: {
    illegal: (c, f) => !f.stage2 || rangeIllegal(c, f),
    effect: ifTagged((c, t) => t.translations.removeIpa(c.VMID, namedIpa(c, t.features))),
  },
  TLBI_NSNH_ALL: { effect: (_c, t) => t.translations.removeNonHyp() },
  ATC_INV: { illegal: (c, f) => secure(c) || !f.ats },
  PRI_RESP: { illegal: (c, f) => secure(c) || !f.pri || c.Resp === RESP_RESERVED },
  RESUME: {
    illegal: (c, f) => secure(c) || f.stallModel === STALL_TERMINATE_ONLY,
    effect: (c, t) => {
      // Where only aborts are implemented, Ab is IGNORED.
      const termination = c.Ab === 1 || t.features.abortOnly ? 'abort' : 'raz-wi';
      t.stalls.end(c.StreamID, c.STAG, c.Ac === 1 ? 'retry' : termination);
    },
  },
  STALL_TERM: {
    illegal: (c, f) => secure(c) || f.stallModel === STALL_TERMINATE_ONLY,
    effect: (c, t) => t.stalls.terminateStream(c.StreamID),
  },
  SYNC: {
    illegal: (c) => c.CS === CS_RESERVED,
    effect: (c, t) => {
      // With MSIs and an address, completion is a 32-bit write; otherwise a wired interrupt (IHI
      // 0070 §4.7.3).
      if (c.CS === SIG_IRQ && t.features.msi && c.MSIAddress !== 0) {
        t.signal(c.MSIAddress, c.MSIData);
      }
    },
  },
  DPTI_ALL: { illegal: (_c, f) => !f.dpt },
  DPTI_PA: { illegal: (_c, f) => !f.dpt },
};
