import { encodeCommand, type CommandName, type CommandWords } from '@steward/smmu';

/** One command for one SMMU's queue: the printable unit of every plan. */
export interface Issue {
  readonly smmu: string;
  readonly name: CommandName;
  readonly words: CommandWords;
}

/** Values of a command's fields, by the architecture's field names. */
export type CommandFields = Readonly<Record<string, bigint>>;

/** A command for an SMMU. @throws RangeError when a value does not fit its field. */
export function issue(smmu: string, name: CommandName, fields: CommandFields = {}): Issue {
  return { smmu, name, words: encodeCommand(name, fields) };
}

/**
 * The CMD_SYNC that ends every batch of the driver: completion by event (CS=SEV), so nothing is written to memory. MSH
 * and MSIATTR are set as Linux always sets them.
 */
export function syncIssue(smmu: string): Issue {
  return { smmu, name: 'SYNC', words: SYNC };
}

const SYNC: CommandWords = encodeCommand('SYNC', { CS: 2n, MSH: 3n, MSIAttr: 0xfn });

/** ATC_INV Size that covers a device's whole ATC (IHI 0070 §4.5.1). */
const WHOLE_ATC = 52n;

/** Empties the ATC of one StreamID: what it has under one PASID, or with 0 everything, with and without a PASID alike. */
export function atcInvalidateAll(smmu: string, streamId: number, ssid = 0): Issue {
  const fields = { StreamID: BigInt(streamId), Size: WHOLE_ATC };
  return issue(smmu, 'ATC_INV', ssid === 0 ? fields : { ...fields, ...pasidFields(ssid) });
}

/** Which entries of an ATC an ATC_INV names: those of a PASID, or with 0 those without one. */
export function pasidFields(ssid: number): CommandFields {
  return ssid === 0 ? {} : { SSV: 1n, SubstreamID: BigInt(ssid) };
}
