import { bit, bits, power } from './bits';
import { readCd } from './cd';
import { Fault, record, SilentAbort, type EventKind } from './faults';
import type { Access, Machine } from './machine';
import { lookUpStage1, updateStage1, type Stage1Leaf } from './stage1';
import { lookUpStage2, updateStage2, type Permissions } from './stage2';
import { readSte, type Ste } from './ste';
import { enabled } from './stream-table';
import { contextIndex, incoming, overridden } from './transaction';

/** An ATS Translation Request (IHI 0070 §3.9.1). */
export interface TranslationRequest {
  readonly streamId: number;
  readonly substreamId?: number | undefined;
  readonly address: bigint;
  readonly noWrite: boolean;
  readonly privileged?: boolean | undefined;
  readonly instruction?: boolean | undefined;
}

export type Completion =
  | {
      readonly kind: 'success';
      readonly address: bigint;
      /** The largest span allowed. */
      readonly sizeLog2: number;
      readonly readable: boolean;
      readonly writable: boolean;
      readonly executable: boolean;
      readonly privileged: boolean;
    }
  | { readonly kind: 'no-access' }
  | {
      readonly kind: 'unsupported-request' | 'completer-abort';
      readonly event?: readonly bigint[];
    };

const DENIED: ReadonlySet<EventKind> = new Set([
  'F_ADDR_SIZE',
  'F_ACCESS',
  'F_TRANSLATION',
  'F_PERMISSION',
]);

/** Without a PASID a request is Data and unprivileged (§13.7). */
function asAccess(request: TranslationRequest): Access {
  const tagged = request.substreamId !== undefined;
  return incoming({
    streamId: request.streamId,
    ...(tagged ? { substreamId: request.substreamId } : {}),
    address: request.address,
    write: false,
    privileged: tagged && request.privileged === true,
    instruction: tagged && request.instruction === true,
  });
}

/** The second word of F_BAD_ATS_TREQ (§7.3.6): R, W, X, PRIV at [95:92], and a Span of one. */
function askedFor(request: TranslationRequest): bigint {
  const { privileged, instruction } = asAccess(request);
  const flags = [true, !request.noWrite, instruction, privileged];
  return flags.reduce((word, flag, n) => word | (flag ? power(31 - n) : 0n), 1n);
}

/** §3.9.1.2. */
export function readTranslationRequest(machine: Machine, request: TranslationRequest): Completion {
  const progress = { access: asAccess(request) };
  const [recordsStream, recordsConfiguration] = [
    bit(machine.registers.CR2, 1),
    machine.implementation.recordsAts && bit(machine.registers.CR2, 3),
  ];
  try {
    return complete(machine, request, progress);
  } catch (end) {
    if (end instanceof SilentAbort) return { kind: 'unsupported-request' };
    if (!(end instanceof Fault)) throw end;
    const event = record(end, progress.access);
    if (end.kind === 'F_BAD_ATS_TREQ') {
      event[1] = askedFor(request);
      return { kind: 'unsupported-request', event };
    }
    if (DENIED.has(end.kind)) return { kind: 'no-access' };
    const recorded = recordsConfiguration && (end.kind !== 'C_BAD_STREAMID' || recordsStream);
    return recorded ? { kind: 'completer-abort', event } : { kind: 'completer-abort' };
  }
}

function complete(
  machine: Machine,
  request: TranslationRequest,
  progress: { access: Access },
): Completion {
  const asked = progress.access;
  // Without ATS no request can arrive (§5.2 EATS); one that does gets UR.
  if (!machine.implementation.ats) throw new SilentAbort();
  if (!enabled(machine)) throw new Fault('F_BAD_ATS_TREQ');
  const ste = readSte(machine, asked.streamId);
  if (ste.eats === 0) throw new Fault('F_BAD_ATS_TREQ');
  const access = (progress.access = overridden(asked, ste, machine));
  const index = contextIndex(ste, asked.substreamId);
  const cd = index === undefined ? undefined : readCd(machine, ste, index);
  const wants = { write: !request.noWrite, execute: asked.instruction };

  let first: Stage1Leaf | undefined;
  let ipa = access.address;
  let grant = EVERYTHING;
  if (cd === undefined) {
    if (ipa >= power(machine.implementation.oas)) throw new Fault('F_ADDR_SIZE');
  } else {
    first = lookUpStage1(machine, ste, cd, access);
    ipa = first.output;
    grant = granted(machine, ste, wants, first.permissions);
    if (nothing(grant)) return { kind: 'no-access' };
  }
  if (ste.stage2 === undefined) {
    if (first !== undefined) {
      updateStage1(machine, ste, cd!, first, wants.write && grant.write);
    }
    return success(asked, ipa, first?.sizeLog2 ?? 64, grant);
  }
  // §3.13.7.1: dirty is marked only where the completion grants the write, which stage 2 has a say in.
  if (first !== undefined) updateStage1(machine, ste, cd!, first, false);
  const second = lookUpStage2(machine, ste.stage2, ipa, 'IN', access.privileged);
  const both = combined(first?.permissions ?? ALL, second.permissions);
  grant = granted(machine, ste, wants, both);
  if (nothing(grant)) return { kind: 'no-access' };
  const writes = wants.write && grant.write;
  updateStage2(machine, ste.stage2, second, false);
  if (first !== undefined) updateStage1(machine, ste, cd!, first, writes);
  updateStage2(machine, ste.stage2, second, writes);
  const size = Math.min(first?.sizeLog2 ?? 64, second.sizeLog2);
  return success(asked, ste.eats === 2 ? ipa : second.output, size, grant);
}

interface Grant {
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
}

const EVERYTHING: Grant = { read: true, write: true, execute: false };
const ALL: Permissions = { read: true, write: true, execute: true, clean: false };

function combined(a: Permissions, b: Permissions): Permissions {
  return {
    read: a.read && b.read,
    write: a.write && b.write,
    execute: a.execute && b.execute,
    clean: a.clean || b.clean,
  };
}

/** §13.7.1. Under NW=1 writing is granted too, but a clean page stays clean (§13.7). */
function granted(
  machine: Machine,
  ste: Ste,
  wants: { readonly write: boolean; readonly execute: boolean },
  page: Permissions,
): Grant {
  const instcfg = machine.implementation.permissionOverrides ? bits(ste.words, 115, 114) : 0;
  const write = page.write && (wants.write || !page.clean);
  if (instcfg === 3) {
    return { read: page.execute, write, execute: wants.execute && page.execute };
  }
  const executable = instcfg === 2 ? page.read : page.read && page.execute;
  return { read: page.read, write, execute: wants.execute && executable };
}

function nothing(grant: Grant): boolean {
  return !grant.read && !grant.write && !grant.execute;
}

function success(asked: Access, address: bigint, sizeLog2: number, grant: Grant): Completion {
  return {
    kind: 'success',
    address,
    sizeLog2,
    readable: grant.read,
    writable: grant.write,
    executable: grant.execute,
    privileged: asked.privileged,
  };
}
