import { bit, bits, power, swapBytes } from './bits';
import type { Cd, Half } from './cd';
import { Fault, type EventKind } from './faults';
import type { Access, Machine } from './machine';
import { reachThroughStage2, type Permissions } from './stage2';
import type { Ste } from './ste';
import { walkTables, type Leaf } from './walk';

export interface Stage1Leaf extends Leaf {
  readonly permissions: Permissions;
  readonly attrIndex: number;
  readonly shareability: number;
  readonly global: boolean;
}

/** IHI 0070 §3.4.1: the half an address lies in, if it is within its range. */
function selectHalf(cd: Cd, address: bigint): Half | undefined {
  const upper = bit(address, 55);
  const half = cd.halves[upper ? 1 : 0];
  if (half === undefined) return undefined;
  const top = half.topByteIgnored ? 56 : 64;
  const above = BigInt.asUintN(top, address) >> BigInt(half.inputSize);
  const all = power(top - half.inputSize) - 1n;
  return above === (upper ? all : 0n) ? half : undefined;
}

/**
 * Stage 1 of an address up to the Access flag (IHI 0070 §7.3.22 order): what is permitted there is
 * for the caller to ask. @throws Fault
 */
export function lookUpStage1(machine: Machine, ste: Ste, cd: Cd, access: Access): Stage1Leaf {
  const fail = (kind: EventKind): Fault => new Fault(kind, { purpose: 'IN' });
  const half = selectHalf(cd, access.address);
  if (half === undefined || half.disabled) throw fail('F_TRANSLATION');
  if (half.noUnprivileged && !access.privileged) throw fail('F_TRANSLATION');
  const perLevel = half.pageShift - 3;
  const walk = {
    ...half,
    startLevel: 4 - Math.ceil((half.inputSize - half.pageShift) / perLevel),
    outputSize: cd.outputSize,
    bigEndian: cd.bigEndian,
    pa52: machine.implementation.oas === 52,
  };
  const read = (at: bigint): bigint => {
    const pa = ste.stage2 === undefined ? at : reachThroughStage2(machine, ste.stage2, at, 'TT');
    const word = machine.memory.read(pa);
    if (word !== undefined) return word;
    throw new Fault('F_WALK_EABT', { purpose: 'TT', fetchAddress: pa });
  };
  const input = BigInt.asUintN(half.inputSize, access.address);
  const leaf = walkTables(walk, input, read, fail);
  const { descriptor } = leaf;
  if (!bit(descriptor, 10) && !cd.updatesAccess && !cd.noAccessFault) throw fail('F_ACCESS');
  const tables = half.hierarchyDisabled ? 0n : leaf.tables;
  return {
    ...leaf,
    permissions:
      ste.world === 'EL2'
        ? onePrivilege(cd, descriptor, tables)
        : twoPrivileges(cd, descriptor, tables, access.privileged),
    attrIndex: bits(descriptor, 4, 2),
    shareability: bits(descriptor, 9, 8),
    global: !bit(descriptor, 11),
  };
}

/** DDI 0487 D8.4: EL1&0 and EL2&0. PAN takes data accesses from the privileged. */
function twoPrivileges(
  cd: Cd,
  descriptor: bigint,
  tables: bigint,
  privileged: boolean,
): Permissions {
  const readOnly = bit(descriptor, 7);
  const managed = cd.updatesDirty && bit(descriptor, 51) && readOnly;
  const write = (!readOnly || managed) && !bit(tables, 62);
  const unprivileged = bit(descriptor, 6) && !bit(tables, 61);
  const clean = managed && write;
  if (!privileged) {
    const writable = unprivileged && write;
    const never = bit(descriptor, 54) || bit(tables, 60) || (cd.writeNeverExecutes && writable);
    return { read: unprivileged, write: writable, execute: !never, clean: clean && writable };
  }
  const never =
    bit(descriptor, 53) ||
    bit(tables, 59) ||
    (unprivileged && write) ||
    (cd.writeNeverExecutes && write);
  const denied = cd.privilegedAccessNever && unprivileged;
  return {
    read: !denied,
    write: write && !denied,
    execute: !never,
    clean: clean && !denied,
  };
}

/** DDI 0487 D8.4: EL2 alone; AP[1] counts as 1 and PXN is not there. */
function onePrivilege(cd: Cd, descriptor: bigint, tables: bigint): Permissions {
  const readOnly = bit(descriptor, 7);
  const managed = cd.updatesDirty && bit(descriptor, 51) && readOnly;
  const write = (!readOnly || managed) && !bit(tables, 62);
  const never = bit(descriptor, 54) || bit(tables, 60) || (cd.writeNeverExecutes && write);
  return { read: true, write, execute: !never, clean: managed && write };
}

/** Marks the leaf accessed, and dirty if asked; through stage 2 that is a write. @throws Fault */
export function updateStage1(
  machine: Machine,
  ste: Ste,
  cd: Cd,
  leaf: Stage1Leaf,
  dirty: boolean,
): void {
  let { descriptor } = leaf;
  if (cd.updatesAccess) descriptor |= 1n << 10n;
  if (dirty && leaf.permissions.clean) descriptor &= ~(1n << 7n);
  if (descriptor === leaf.descriptor) return;
  const pa =
    ste.stage2 === undefined
      ? leaf.at
      : reachThroughStage2(machine, ste.stage2, leaf.at, 'TT', true);
  machine.memory.write(pa, cd.bigEndian ? swapBytes(descriptor) : descriptor);
}
