import attachmentsJson from './attachments.json';
import bringUpJson from './bring-up.json';
import fanoutJson from './fanout.json';
import kunitJson from './kunit.json';
import userInputJson from './user-input.json';
import type { CommandWords } from '@steward/smmu';
import type { ForcedFeatures, SmmuDescription } from '../probe';

/** `blocked`, `parent`, or the two words of a vSTE. */
export type RecordedTarget = 'blocked' | 'parent' | readonly string[];

export interface RecordedAttachment {
  readonly run: string;
  readonly device: string;
  readonly from: RecordedTarget;
  readonly to: RecordedTarget;
  readonly cmds: readonly string[];
  readonly steAtSync: readonly (readonly string[])[];
}

export interface RecordedStep {
  readonly op: 'attach' | 'map' | 'unmap';
  readonly device?: string;
  readonly to?: RecordedTarget;
  readonly iova?: string;
  readonly length?: string;
  readonly cmds?: readonly string[];
}

export const attachments = attachmentsJson.attachments as readonly RecordedAttachment[];
export const fanout = fanoutJson.scenarios as readonly {
  readonly run: string;
  readonly scenario: string;
  readonly steps: readonly RecordedStep[];
}[];
export const kunit = kunitJson;
export const userInput = userInputJson;
export const bringUp = bringUpJson;

/** The recorded SMMU: both stages, RIL, 44-bit output, no ATS, 16-bit VMIDs, 16 StreamID bits. */
export const RECORDED_IDR = [0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74] as const;

/** Features that were forced in a recording run. */
const FORCED: Readonly<Record<string, ForcedFeatures>> = {
  A: {},
  B: { ats: true },
  C: { ats: true, rangeInvalidation: false, ssidBits: 8 },
  F: { s2fwb: true },
};

/** The SMMU of a recording run. */
export function recordedSmmu(run: string, id = 'smmu0'): SmmuDescription {
  return { id, idr: RECORDED_IDR, iidr: 0, aidr: 1, features: FORCED[run]! };
}

/** StreamID of each recorded device, and whether it has an ATS capability. */
export const RECORDED_DEVICES: Readonly<Record<string, { streamId: number; ats: boolean }>> = {
  td0: { streamId: 0x10, ats: false },
  td1: { streamId: 0x18, ats: false },
  ats0: { streamId: 0x100, ats: true },
  ats1: { streamId: 0x200, ats: true },
};

/** The words of a hexadecimal list. */
export function words(hex: readonly string[]): bigint[] {
  return hex.map((word) => BigInt(`0x${word}`));
}

/** A recorded command, `"<word0> <word1>"`. */
export function command(line: string): CommandWords {
  const [word0, word1] = words(line.split(' '));
  return [word0!, word1!];
}

/** The recording's way to write a command. */
export function line(command: CommandWords): string {
  return command.map((word) => word.toString(16).padStart(16, '0')).join(' ');
}
