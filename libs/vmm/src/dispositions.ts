import { commandName } from '@steward/smmu';
import type { CommandName, CommandWords } from '@steward/smmu';

/** What a VMM does with a command of its guest. */
export type Disposition =
  /** Passed to the kernel as it is; it adds the VMID. */
  | 'forward'
  /** Passed on when the vSID has a vDEVICE, else dropped: the kernel would stop the batch at it. */
  | 'forward-stream'
  /** Trapped: the vSTE is read and attached anew. */
  | 'restage'
  /** Everything before it must have been issued. */
  | 'synchronise'
  /** A hint; the host prefetches for itself. */
  | 'nothing'
  /** Not a command of an SMMU with stage 1 only: CERROR_ILL (IHI 0070 §4.1.3). */
  | 'illegal';

const DISPOSITIONS: Partial<Record<CommandName, Disposition>> = {
  PREFETCH_CONFIG: 'nothing',
  PREFETCH_ADDR: 'nothing',
  CFGI_STE: 'restage',
  CFGI_STE_RANGE: 'restage',
  CFGI_CD: 'forward-stream',
  CFGI_CD_ALL: 'forward-stream',
  TLBI_NH_ALL: 'forward',
  TLBI_NH_ASID: 'forward',
  TLBI_NH_VA: 'forward',
  TLBI_NH_VAA: 'forward',
  TLBI_NSNH_ALL: 'forward',
  ATC_INV: 'forward-stream',
  SYNC: 'synchronise',
};

export function dispositionOf(command: CommandWords): Disposition {
  const name = commandName(command);
  return (name !== undefined && DISPOSITIONS[name]) || 'illegal';
}

/** StreamID field of CFGI and ATC_INV commands: word 0 bits [63:32] (IHI 0070 §4.3, §4.5). */
export function streamIdOf(command: CommandWords): number {
  return Number(command[0] >> 32n);
}
