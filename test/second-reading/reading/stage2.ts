import { bit, bits, power, swapBytes } from './bits';
import { Fault, type EventKind, type Purpose } from './faults';
import type { Machine } from './machine';
import type { Stage2 } from './stage2-regime';
import { walkTables, type Leaf } from './walk';

/** What one stage permits at one address, for one privilege. */
export interface Permissions {
  readonly read: boolean;
  /** Also where the page is writable-clean and hardware manages dirty state. */
  readonly write: boolean;
  readonly execute: boolean;
  /** A write makes the page dirty first. */
  readonly clean: boolean;
}

export interface Stage2Leaf extends Leaf {
  readonly purpose: Purpose;
  readonly ipa: bigint;
  readonly permissions: Permissions;
  readonly memAttr: number;
  readonly shareability: number;
}

/**
 * Stage 2 of an IPA up to the Access flag (IHI 0070 §7.3.22 order): what is permitted there is for
 * the caller to ask. @throws Fault
 */
export function lookUpStage2(
  machine: Machine,
  regime: Stage2,
  ipa: bigint,
  purpose: Purpose,
  privileged: boolean,
): Stage2Leaf {
  const fail = (kind: EventKind): Fault =>
    new Fault(kind, { stage2: true, purpose, ipa, tableRead: false });
  if (ipa >= power(regime.inputSize)) throw fail('F_TRANSLATION');
  const walk = { ...regime, pa52: machine.implementation.oas === 52 };
  const read = (at: bigint): bigint => {
    const word = machine.memory.read(at);
    if (word !== undefined) return word;
    throw new Fault('F_WALK_EABT', { stage2: true, purpose, fetchAddress: at });
  };
  const leaf = walkTables(walk, ipa, read, fail);
  const { descriptor } = leaf;
  if (!bit(descriptor, 10) && !regime.updatesAccess && !regime.noAccessFault) {
    throw fail('F_ACCESS');
  }
  const executeNever = bits(descriptor, 54, 53);
  const execute = machine.implementation.xnx
    ? executeNever === 0 || executeNever === (privileged ? 3 : 1)
    : !bit(descriptor, 54);
  const clean = regime.updatesDirty && bit(descriptor, 51) && !bit(descriptor, 7);
  return {
    ...leaf,
    purpose,
    ipa,
    permissions: { read: bit(descriptor, 6), write: bit(descriptor, 7) || clean, execute, clean },
    memAttr: bits(descriptor, 5, 2),
    shareability: bits(descriptor, 9, 8),
  };
}

/** Marks the leaf accessed, and dirty if asked (IHI 0070 §3.13). */
export function updateStage2(
  machine: Machine,
  regime: Stage2,
  leaf: Stage2Leaf,
  dirty: boolean,
): void {
  let { descriptor } = leaf;
  if (regime.updatesAccess) descriptor |= 1n << 10n;
  if (dirty && leaf.permissions.clean) descriptor |= 1n << 7n;
  if (descriptor === leaf.descriptor) return;
  machine.memory.write(leaf.at, regime.bigEndian ? swapBytes(descriptor) : descriptor);
}

/**
 * Whether any Device type is mapped there: without FWB also by the reserved encodings, which are
 * Device-nGnRnE; with FWB, MemAttr[2] says (DDI 0487 D8.6).
 */
function isDevice(regime: Stage2, memAttr: number): boolean {
  if (regime.forcedAttributes) return (memAttr & 4) === 0;
  return memAttr >> 2 === 0 || (memAttr & 3) === 0;
}

/** An access of the SMMU's own, to a CD or a stage-1 table, through stage 2. @throws Fault */
export function reachThroughStage2(
  machine: Machine,
  regime: Stage2,
  ipa: bigint,
  purpose: 'CD' | 'TT',
  write = false,
): bigint {
  const leaf = lookUpStage2(machine, regime, ipa, purpose, true);
  const { read, write: writable } = leaf.permissions;
  const refused =
    (write ? !writable : !read) || (regime.protectedWalk && isDevice(regime, leaf.memAttr));
  if (refused) {
    const tableRead = purpose === 'TT' && !write;
    throw new Fault('F_PERMISSION', { stage2: true, purpose, ipa, tableRead });
  }
  updateStage2(machine, regime, leaf, write);
  return leaf.output;
}
