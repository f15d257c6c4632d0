import {
  PRIV_EXECUTE,
  PRIV_READ,
  PRIV_WRITE,
  S1_CLEAN,
  S2_CLEAN,
  S2_PRIV_EXECUTE,
  S2_READ,
  S2_UNPRIV_EXECUTE,
  S2_WRITE,
  UNPRIV_EXECUTE,
  UNPRIV_READ,
  UNPRIV_WRITE,
} from '../cache/tlb-info';
import type { Stage1Context, Stage2Context } from './context';

/** What a stage-1 leaf permits, as TLB information bits (DDI 0487 D8.4.1, direct permissions). */
export function stage1Permissions(
  context: Stage1Context,
  ap: number,
  pxn: boolean,
  uxn: boolean,
): number {
  const readOnly = (ap & 2) !== 0;
  if (context.onePrivilege) {
    const execute = !uxn && !(context.writeExecuteNever && !readOnly);
    return (
      UNPRIV_READ |
      PRIV_READ |
      (readOnly ? 0 : UNPRIV_WRITE | PRIV_WRITE) |
      (execute ? UNPRIV_EXECUTE | PRIV_EXECUTE : 0)
    );
  }
  const unprivileged = (ap & 1) !== 0;
  let granted = 0;
  if (unprivileged) granted |= readOnly ? UNPRIV_READ : UNPRIV_READ | UNPRIV_WRITE;
  // PAN takes the privileged data access away where unprivileged access is permitted: data access,
  // with EPAN execution too (IHI 0070 §5.4 EPAN).
  const reachable = unprivileged || (context.enhancedAccessNever && !uxn);
  if (!(context.privilegedAccessNever && reachable)) {
    granted |= readOnly ? PRIV_READ : PRIV_READ | PRIV_WRITE;
  }
  const writable = !readOnly;
  const never = context.writeExecuteNever;
  if (!uxn && !(never && unprivileged && writable)) granted |= UNPRIV_EXECUTE;
  // What EL0 can write, EL1 never executes (DDI 0487 D8.4.1.2.3).
  if (!pxn && !(unprivileged && writable) && !(never && writable)) granted |= PRIV_EXECUTE;
  return granted;
}

/** What a stage-2 leaf permits: S2AP and XN[1:0] (DDI 0487 D8.4.2). */
export function stage2Permissions(context: Stage2Context, s2ap: number, xn: number): number {
  const granted = ((s2ap & 1) !== 0 ? S2_READ : 0) | ((s2ap & 2) !== 0 ? S2_WRITE : 0);
  if (!context.separateExecute) {
    return (xn & 2) === 0 ? granted | S2_UNPRIV_EXECUTE | S2_PRIV_EXECUTE : granted;
  }
  switch (xn) {
    case 0:
      return granted | S2_UNPRIV_EXECUTE | S2_PRIV_EXECUTE;
    case 1:
      return granted | S2_UNPRIV_EXECUTE;
    case 3:
      return granted | S2_PRIV_EXECUTE;
    default:
      return granted;
  }
}

/** The bits that an access needs: one of stage 1, one of stage 2. */
export interface Need {
  readonly privileged: boolean;
  readonly stage1: number;
  readonly stage2: number;
  /** Bits of a TLB entry that must be clear, or the tables have to be walked again. */
  readonly stale: number;
  /** Bits that say whether this kind of access could read and could write. */
  readonly readable: number;
  readonly writable: number;
}

function need(privileged: boolean, kind: 'read' | 'write' | 'execute'): Need {
  const stage1 = {
    read: privileged ? PRIV_READ : UNPRIV_READ,
    write: privileged ? PRIV_WRITE : UNPRIV_WRITE,
    execute: privileged ? PRIV_EXECUTE : UNPRIV_EXECUTE,
  };
  const stage2 = {
    read: S2_READ,
    write: S2_WRITE,
    execute: privileged ? S2_PRIV_EXECUTE : S2_UNPRIV_EXECUTE,
  };
  const reads = kind === 'execute' ? 'execute' : 'read';
  return {
    privileged,
    stage1: stage1[kind],
    stage2: stage2[kind],
    stale: kind === 'write' ? S1_CLEAN | S2_CLEAN : 0,
    readable: stage1[reads] | stage2[reads],
    writable: stage1.write | stage2.write,
  };
}

const NEEDS: readonly Need[] = [
  need(false, 'read'),
  need(false, 'write'),
  need(false, 'execute'),
  need(true, 'read'),
  need(true, 'write'),
  need(true, 'execute'),
];

/** What an access needs. Writes are always Data (IHI 0070 §13.1.2). */
export function needOf(privileged: boolean, write: boolean, instruction: boolean): Need {
  return NEEDS[(privileged ? 3 : 0) + (write ? 1 : instruction ? 2 : 0)]!;
}
