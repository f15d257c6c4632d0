import {
  COMMANDS,
  commandName,
  encodeCommand,
  type CommandName,
  type CommandWords,
} from '@steward/smmu';
import type { Probe } from './probe';

/** What of the host a guest's command is judged and rewritten with. */
export interface ConversionContext {
  /** VMID of the vSMMU's nest parent; it replaces whatever the guest wrote. */
  readonly vmid: number;
  /** Physical StreamID of a vSID, undefined when the vSMMU has no such vDEVICE. */
  readonly streamIdOf: (vsid: number) => number | undefined;
  readonly probe: Pick<Probe, 'ats' | 'rangeInvalidation' | 'ssidBits' | 'asidBits'>;
}

/** Larger ATC_INV sizes are reserved; 52 means everything (IHI 0070 §4.5.1). */
const ATC_SIZE_MAX = 52n;
const SCALE_MAX = 31n;

/**
 * Turns a guest's invalidation into the command for the physical queue, or undefined (EIO) when it must not get there
 * (Linux `arm_vsmmu_convert_user_cmd`).
 *
 * Every bit that the SMMU could answer with CERROR_ILL is refused before: the queue is shared with everyone. The VMID is
 * overwritten, a vSID becomes the StreamID of its device, and TLBI_NSNH_ALL, which names no VM, becomes TLBI_NH_ALL of
 * the guest's VMID.
 */
export function convertGuestCommand(
  words: CommandWords,
  context: ConversionContext,
): CommandWords | undefined {
  const name = commandName(words);
  if (name === undefined || !isLegal(name, words, context.probe)) return undefined;
  const vmid = { VMID: BigInt(context.vmid) };
  switch (name) {
    case 'TLBI_NSNH_ALL':
      return encodeCommand('TLBI_NH_ALL', vmid);
    case 'TLBI_NH_ALL':
    case 'TLBI_NH_ASID':
    case 'TLBI_NH_VA':
    case 'TLBI_NH_VAA':
      return rewrite(name, words, vmid);
    case 'CFGI_CD':
    case 'CFGI_CD_ALL':
    case 'ATC_INV': {
      const streamId = context.streamIdOf(Number(COMMANDS[name].layout.get(words, 'StreamID')));
      return streamId === undefined
        ? undefined
        : rewrite(name, words, { StreamID: BigInt(streamId) });
    }
    default:
      return undefined;
  }
}

function rewrite(
  name: CommandName,
  words: CommandWords,
  fields: Record<string, bigint>,
): CommandWords {
  const [word0, word1] = COMMANDS[name].layout.encode(fields, words);
  return [word0!, word1!];
}

/** Fields a guest may set in a command: always, where there are PASIDs, and where there is range invalidation. */
interface Allowed {
  readonly always: readonly string[];
  readonly withSubstreams?: readonly string[];
  readonly withRanges?: readonly string[];
}

const RANGE = ['NUM', 'SCALE', 'TG', 'TTL'] as const;

/** The commands that Linux `arm_vsmmu_validate_user_cmd` lets pass, and what of them. */
const ALLOWED: Partial<Record<CommandName, Allowed>> = {
  TLBI_NSNH_ALL: { always: [] },
  TLBI_NH_ALL: { always: ['VMID'] },
  TLBI_NH_ASID: { always: ['VMID', 'ASID'] },
  TLBI_NH_VA: { always: ['VMID', 'ASID', 'Address', 'Leaf'], withRanges: RANGE },
  TLBI_NH_VAA: { always: ['VMID', 'Address', 'Leaf'], withRanges: RANGE },
  ATC_INV: {
    always: ['StreamID', 'Size', 'Address'],
    // SubstreamID and Global are IGNORED without SSV, not reserved, so they need no look at SSV.
    withSubstreams: ['SSV', 'SubstreamID', 'Global'],
  },
  CFGI_CD: { always: ['StreamID', 'Leaf'], withSubstreams: ['SubstreamID'] },
  CFGI_CD_ALL: { always: ['StreamID'] },
};

/** The bits that must be 0, by command and by whether there are PASIDs (1) and range invalidation (2). */
const FORBIDDEN = new Map(
  Object.entries(ALLOWED).map(([name, allowed]) => {
    const { layout } = COMMANDS[name as CommandName];
    const masks = [0, 1, 2, 3].map((has) => {
      const { always, withSubstreams = [], withRanges = [] } = allowed;
      const substreams = (has & 1) !== 0 ? withSubstreams : [];
      const ranges = (has & 2) !== 0 ? withRanges : [];
      const mask = layout.mask('Opcode', ...always, ...substreams, ...ranges);
      return mask.map((word) => BigInt.asUintN(64, ~word));
    });
    return [name as CommandName, masks] as const;
  }),
);

/** Linux `arm_vsmmu_validate_user_cmd`: the fields a guest may set, by opcode and by what the SMMU has. */
function isLegal(
  name: CommandName,
  words: CommandWords,
  probe: ConversionContext['probe'],
): boolean {
  const has = (probe.ssidBits > 0 ? 1 : 0) | (probe.rangeInvalidation ? 2 : 0);
  const forbidden = FORBIDDEN.get(name)?.[has];
  if (forbidden === undefined || words.some((word, i) => (word & forbidden[i]!) !== 0n)) {
    return false;
  }
  const { layout } = COMMANDS[name];
  switch (name) {
    case 'TLBI_NH_VA':
    case 'TLBI_NH_VAA':
      if (probe.rangeInvalidation && !isLegalRange(name, words)) return false;
      break;
    case 'ATC_INV':
      return probe.ats && layout.get(words, 'Size') <= ATC_SIZE_MAX;
  }
  const tagged = name === 'TLBI_NH_ASID' || name === 'TLBI_NH_VA';
  return !(tagged && probe.asidBits === 8 && layout.get(words, 'ASID') > 0xffn);
}

/** The reserved combinations of the range fields (IHI 0070 §4.4.1). */
function isLegalRange(name: 'TLBI_NH_VA' | 'TLBI_NH_VAA', words: CommandWords): boolean {
  const { layout } = COMMANDS[name];
  const [num, scale, tg, ttl] = (['NUM', 'SCALE', 'TG', 'TTL'] as const).map((field) =>
    layout.get(words, field),
  );
  const range = num !== 0n || scale !== 0n;
  // SCALE above 31 needs IDR5.DS, as does a level-1 leaf of a 16K granule; the driver does not use DS.
  if (scale! > SCALE_MAX) return false;
  if (tg === 0n) return !range && ttl === 0n;
  if (tg === 2n && ttl === 1n) return false;
  return range || ttl !== 0n;
}
