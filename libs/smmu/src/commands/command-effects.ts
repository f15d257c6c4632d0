import type { AtsPort } from '../ats/ats-port';
import type { ConfigurationCache } from '../configuration/configuration-cache';
import type { TranslationCache } from '../cache/translation-cache';
import type { CommandName } from '../formats/commands';
import type { Control } from '../registers/control';
import type { Features } from '../registers/features';
import type { StalledTransactions } from '../stalls/stalled-transactions';
import type { CommandFields } from './command-fields';
import type { CompletionSignals } from './completion-signals';
import { namedIpa, namedVa } from './named-addresses';

/** What commands act on. */
export interface CommandTarget {
  readonly features: Features;
  readonly configuration: ConfigurationCache;
  readonly translations: TranslationCache;
  readonly stalls: StalledTransactions;
  readonly ats: AtsPort;
  /** What the registers say now. */
  readonly control: Control;
  /** Where the completion of a CMD_SYNC is told. */
  readonly completion: CompletionSignals;
}

const SIG_IRQ = 1;
const SIG_SEV = 2;
const LARGEST_ATC_SIZE = 52;

/** On an SMMU without stage 2 the VMID parameter is RES0 (IHI 0070 §4.4.2). */
const vmid = (c: CommandFields, f: Features): number => (f.stage2 ? c.VMID : 0);
/**
 * A tag wider than implemented names nothing: the command need not affect any entry (IHI 0070
 * §4.4).
 */
const tagged = (c: CommandFields, f: Features): boolean =>
  (f.asid16 || c.ASID <= 0xff) && (f.vmid16 || vmid(c, f) <= 0xff);

/**
 * What a command that is not CERROR_ILL does.
 * @returns the error that stops the queue at this command, if it cannot complete.
 */
type Effect = (
  fields: CommandFields,
  target: CommandTarget,
) => 'CERROR_ATC_INV_SYNC' | undefined | void;

/** STRTAB_BASE_CFG.SPLIT where the table has two levels, otherwise 0. */
function split({ control: { streamTable } }: CommandTarget): number {
  return streamTable.twoLevel ? streamTable.split : 0;
}

const nothing: Effect = () => undefined;
const ifTagged =
  (effect: Effect): Effect =>
  (c, t) =>
    tagged(c, t.features) ? effect(c, t) : undefined;

/** The span of one CMD_ATC_INV; it is ignored while translation is disabled (IHI 0070 §4.5.1). */
function invalidateAtc(c: CommandFields, t: CommandTarget): void {
  const withPasid = c.SSV === 1;
  // A Size beyond 2^64 bytes, and a PASID where there are none, may be taken for no effect.
  if (!t.control.enabled || c.Size > LARGEST_ATC_SIZE || (withPasid && t.features.ssidSize === 0))
    return;
  t.ats.invalidate(c.StreamID, {
    ...(withPasid ? { substreamId: c.SubstreamID } : {}),
    global: c.Global === 1,
    address: BigInt(c.Address),
    sizeLog2: c.Size + 12,
  });
}

/** Completes a CMD_SYNC, and says so as CS asks (IHI 0070 §4.7.3). */
function complete(c: CommandFields, t: CommandTarget): 'CERROR_ATC_INV_SYNC' | undefined {
  // An invalidation that timed out is not complete, so neither is the CMD_SYNC: no signal.
  if (t.ats.takeTimeout()) return 'CERROR_ATC_INV_SYNC';
  if (c.CS === SIG_SEV && t.features.sev) t.completion.signal({ kind: 'event' });
  if (c.CS === SIG_IRQ) t.completion.signal({ kind: 'interrupt', ...messageOf(c, t.features) });
  return undefined;
}

/** The MSI of CMD_SYNC; its address is truncated to the OAS (IHI 0070 §4.7.3). */
function messageOf(c: CommandFields, f: Features): { message?: { address: number; data: number } } {
  if (!f.msi || c.MSIAddress === 0) return {};
  return { message: { address: c.MSIAddress % f.outputLimit, data: c.MSIData } };
}

/**
 * The command set: the effect of each command (IHI 0070 §4.2–§4.7). Every invalidation removes
 * exactly what the architecture demands; PREFETCH is a hint that is not taken, and there is no PRI to
 * act on.
 */
export const COMMAND_EFFECTS: Record<CommandName, Effect> = {
  PREFETCH_CONFIG: nothing,
  PREFETCH_ADDR: nothing,
  CFGI_STE: (c, t) => {
    t.configuration.removeStream(c.StreamID);
    if (c.Leaf === 0) t.configuration.removeL1std(Math.floor(c.StreamID / 2 ** split(t)));
  },
  CFGI_STE_RANGE: (c, t) => {
    const streams = 2 ** (c.Range + 1);
    const first = c.StreamID - (c.StreamID % streams);
    if (c.Range === 31) t.configuration.removeAll();
    else t.configuration.removeStreams(first, first + streams - 1, split(t));
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
    t.translations.removeEl2Va(c.ASID, t.control.e2h, namedVa(c, t.features)),
  ),
  TLBI_EL2_VAA: (c, t) => t.translations.removeEl2VaAllAsids(t.control.e2h, namedVa(c, t.features)),
  TLBI_S12_VMALL: ifTagged((c, t) => t.translations.removeVmid(c.VMID)),
  TLBI_S2_IPA: ifTagged((c, t) => t.translations.removeIpa(c.VMID, namedIpa(c, t.features))),
  TLBI_NSNH_ALL: (_c, t) => t.translations.removeNonHyp(),
  ATC_INV: invalidateAtc,
  PRI_RESP: nothing,
  RESUME: (c, t) => {
    // Where only aborts are implemented, Ab is IGNORED.
    const termination = c.Ab === 1 || t.features.abortOnly ? 'abort' : 'raz-wi';
    t.stalls.end(c.StreamID, c.STAG, c.Ac === 1 ? 'retry' : termination);
  },
  STALL_TERM: (c, t) => t.stalls.terminateStream(c.StreamID),
  SYNC: complete,
  DPTI_ALL: nothing,
  DPTI_PA: nothing,
};
