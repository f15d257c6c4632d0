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

/** Linux `arm_vsmmu_validate_user_cmd`: the fields a guest may set, by opcode and by what the SMMU has. */
function isLegal(
  name: CommandName,
  words: CommandWords,
  probe: ConversionContext['probe'],
): boolean {
  const { layout } = COMMANDS[name];
  const substreams = probe.ssidBits > 0;
  let allowed: string[];
  switch (name) {
    case 'TLBI_NSNH_ALL':
      allowed = [];
      break;
    case 'TLBI_NH_ALL':
      allowed = ['VMID'];
      break;
    case 'TLBI_NH_ASID':
      allowed = ['VMID', 'ASID'];
      break;
    case 'TLBI_NH_VA':
    case 'TLBI_NH_VAA':
      allowed = ['VMID', 'Address', 'Leaf'];
      if (name === 'TLBI_NH_VA') allowed.push('ASID');
      if (probe.rangeInvalidation) {
        if (!isLegalRange(name, words)) return false;
        allowed.push('NUM', 'SCALE', 'TG', 'TTL');
      }
      break;
    case 'ATC_INV':
      if (!probe.ats || layout.get(words, 'Size') > ATC_SIZE_MAX) return false;
      allowed = ['StreamID', 'Size', 'Address'];
      // SubstreamID and Global are IGNORED without SSV, not reserved, so they need no look at SSV.
      if (substreams) allowed.push('SSV', 'SubstreamID', 'Global');
      break;
    case 'CFGI_CD':
      allowed = ['StreamID', 'Leaf'];
      if (substreams) allowed.push('SubstreamID');
      break;
    case 'CFGI_CD_ALL':
      allowed = ['StreamID'];
      break;
    default:
      return false;
  }
  if (probe.asidBits === 8 && allowed.includes('ASID') && layout.get(words, 'ASID') > 0xffn) {
    return false;
  }
  const mask = layout.mask('Opcode', ...allowed);
  return words.every((word, i) => (word & ~(mask[i] ?? 0n)) === 0n);
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
