import type { ConfigurationCache } from '../configuration/configuration-cache';
import type { TranslationCache } from '../cache/translation-cache';
import type { CommandName } from '../formats/commands';
import type { Features } from '../registers/features';
import type { StalledTransactions } from '../stalls/stalled-transactions';
import type { CommandFields } from './command-fields';
import { namedIpa, namedVa } from './named-addresses';

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

const SIG_IRQ = 1;

/** On an SMMU without stage 2 the VMID parameter is RES0 (IHI 0070 §4.4.2). */
const vmid = (c: CommandFields, f: Features): number => (f.stage2 ? c.VMID : 0);
/**
 * A tag wider than implemented names nothing: the command need not affect any entry (IHI 0070
 * §4.4).
 */
const tagged = (c: CommandFields, f: Features): boolean =>
  (f.asid16 || c.ASID <= 0xff) && (f.vmid16 || vmid(c, f) <= 0xff);

/** What a command that is not CERROR_ILL does. */
type Effect = (fields: CommandFields, target: CommandTarget) => void;

const nothing: Effect = () => undefined;
const ifTagged =
  (effect: Effect): Effect =>
  (c, t) => {
    if (tagged(c, t.features)) effect(c, t);
  };

/**
 * The command set: the effect of each command (IHI 0070 §4.2–§4.7). Every invalidation removes
 * exactly what the architecture demands; PREFETCH is a hint that is not taken, and there is no ATC or
 * PRI to act on.
 */
export const COMMAND_EFFECTS: Record<CommandName, Effect> = {
  PREFETCH_CONFIG: nothing,
  PREFETCH_ADDR: nothing,
  CFGI_STE: (c, t) => {
    t.configuration.removeStream(c.StreamID);
    if (c.Leaf === 0) t.configuration.removeL1std(Math.floor(c.StreamID / 2 ** t.split()));
  },
  CFGI_STE_RANGE: (c, t) => {
    const streams = 2 ** (c.Range + 1);
    const first = c.StreamID - (c.StreamID % streams);
    if (c.Range === 31) t.configuration.removeAll();
    else t.configuration.removeStreams(first, first + streams - 1, t.split());
  },
  CFGI_CD: (c, t) => {
    // The stream's table may have leaves of 64 or of 1024 CDs: with Leaf=0 both candidates go.
    const l1Indexes = c.Leaf === 0 ? [c.SubstreamID >>> 6, c.SubstreamID >>> 10] : [];
    t.configuration.removeCd(c.StreamID, c.SubstreamID, l1Indexes);
  },
  CFGI_CD_ALL: (c, t) => t.configuration.removeCds(c.StreamID),
  CFGI_VMS_PIDM: nothing,
  TLBI_NH_ALL: ifTagged((c, t) => t.translations.removeStage1(vmid(c, t.features))),
  TLBI_NH_ASID: ifTagged((c, t) => t.translations.removeAsid(vmid(c, t.features), c.ASID)),
  TLBI_NH_VA: ifTagged((c, t) =>
    t.translations.removeVa(vmid(c, t.features), c.ASID, namedVa(c, t.features)),
  ),
  TLBI_NH_VAA: ifTagged((c, t) =>
    t.translations.removeVaAllAsids(vmid(c, t.features), namedVa(c, t.features)),
  ),
  TLBI_EL3_ALL: nothing,
  TLBI_EL3_VA: nothing,
  TLBI_EL2_ALL: (_c, t) => t.translations.removeEl2(),
  TLBI_EL2_ASID: ifTagged((c, t) => t.translations.removeEl2Asid(c.ASID)),
  TLBI_EL2_VA: ifTagged((c, t) =>
    t.translations.removeEl2Va(c.ASID, t.e2h(), namedVa(c, t.features)),
  ),
  TLBI_EL2_VAA: (c, t) => t.translations.removeEl2VaAllAsids(t.e2h(), namedVa(c, t.features)),
  TLBI_S12_VMALL: ifTagged((c, t) => t.translations.removeVmid(c.VMID)),
  TLBI_S2_IPA: ifTagged((c, t) => t.translations.removeIpa(c.VMID, namedIpa(c, t.features))),
  TLBI_NSNH_ALL: (_c, t) => t.translations.removeNonHyp(),
  ATC_INV: nothing,
  PRI_RESP: nothing,
  RESUME: (c, t) => {
    // Where only aborts are implemented, Ab is IGNORED.
    const termination = c.Ab === 1 || t.features.abortOnly ? 'abort' : 'raz-wi';
    t.stalls.end(c.StreamID, c.STAG, c.Ac === 1 ? 'retry' : termination);
  },
  STALL_TERM: (c, t) => t.stalls.terminateStream(c.StreamID),
  SYNC: (c, t) => {
    // With MSIs and an address, completion is a 32-bit write; otherwise a wired interrupt (IHI
    // 0070 §4.7.3).
    if (c.CS === SIG_IRQ && t.features.msi && c.MSIAddress !== 0) {
      t.signal(c.MSIAddress, c.MSIData);
    }
  },
  DPTI_ALL: nothing,
  DPTI_PA: nothing,
};
