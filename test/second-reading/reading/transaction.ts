import {
  DEFAULT_INPUT,
  gbpaOverrides,
  output,
  overriddenInput,
  stage1Attributes,
  steOverrides,
  throughStage1,
  throughStage2,
  type Attributes,
} from './attributes';
import { bit, bits, power } from './bits';
import { readCd, type Cd } from './cd';
import { Fault, record, SilentAbort } from './faults';
import type { Access, Machine } from './machine';
import { lookUpStage1, updateStage1 } from './stage1';
import { lookUpStage2, updateStage2, type Permissions } from './stage2';
import { readSte, type Ste } from './ste';
import { enabled } from './stream-table';

/** A transaction as a device makes it. */
export interface Request {
  readonly streamId: number;
  readonly substreamId?: number | undefined;
  readonly address: bigint;
  readonly write: boolean;
  readonly privileged?: boolean | undefined;
  readonly instruction?: boolean | undefined;
  readonly translated?: boolean;
}

/** What the architecture makes of it. The STAG of a stalled one is the SMMU's choice: 0 here. */
export type Reading =
  | {
      readonly kind: 'ok';
      readonly pa: bigint;
      readonly readable: boolean;
      readonly writable: boolean;
      readonly attributes: { readonly attr: number; readonly shareability: number };
    }
  | { readonly kind: 'no-memory'; readonly pa: bigint }
  | { readonly kind: 'abort' | 'raz-wi'; readonly event?: readonly bigint[] }
  | { readonly kind: 'stalled'; readonly event: readonly bigint[] };

interface Translated {
  readonly pa: bigint;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly attributes: Attributes;
}

/** Input attributes as the SMMU first sees them: writes are Data (IHI 0070 §13.1.2). */
export function incoming(request: Request): Access {
  return {
    streamId: request.streamId,
    substreamId: request.translated === true ? undefined : request.substreamId,
    address: request.address,
    write: request.write,
    privileged: request.translated !== true && request.privileged === true,
    instruction: request.translated !== true && request.instruction === true && !request.write,
  };
}

/** STE.PRIVCFG and STE.INSTCFG (§13.1.4). */
export function overridden(access: Access, ste: Ste, machine: Machine): Access {
  if (!machine.implementation.permissionOverrides) return access;
  const [privcfg, instcfg] = [bits(ste.words, 113, 112), bits(ste.words, 115, 114)];
  return {
    ...access,
    privileged: privcfg < 2 ? access.privileged : privcfg === 3,
    instruction: !access.write && (instcfg < 2 ? access.instruction : instcfg === 3),
  };
}

/** Reads one transaction to its end. Memory changes where hardware updates flags (§3.13). */
export function readTransaction(machine: Machine, request: Request): Reading {
  const progress: Progress = { access: incoming(request), ste: undefined, cd: undefined };
  try {
    const { pa, attributes, readable, writable } =
      request.translated === true
        ? translatedTransaction(machine, progress)
        : untranslated(machine, progress);
    if (machine.memory.read((pa >> 3n) << 3n) === undefined) return { kind: 'no-memory', pa };
    return { kind: 'ok', pa, readable, writable, attributes: output(attributes) };
  } catch (end) {
    if (end instanceof SilentAbort) return { kind: 'abort' };
    if (end instanceof Fault) return terminated(machine, request, progress, end);
    throw end;
  }
}

/** How far a transaction came: what its faults are reported and answered with. */
interface Progress {
  access: Access;
  ste: Ste | undefined;
  cd: Cd | undefined;
}

/** §5.5, and for Translated transactions §3.9.1.3. */
function terminated(
  machine: Machine,
  request: Request,
  { access, ste, cd }: Progress,
  fault: Fault,
): Reading {
  const event = record(fault, access);
  const abort = (recorded: boolean): Reading =>
    recorded ? { kind: 'abort', event } : { kind: 'abort' };
  if (request.translated === true && !fault.governed && fault.kind !== 'F_TRANSL_FORBIDDEN') {
    const configuration = fault.kind !== 'F_WALK_EABT' && fault.kind !== 'F_ADDR_SIZE';
    const recorded = machine.implementation.recordsAts && bit(machine.registers.CR2, 3);
    return abort(!configuration || recorded);
  }
  if (fault.kind === 'C_BAD_STREAMID') return abort(bit(machine.registers.CR2, 1));
  if (!fault.governed) return abort(true);
  const stage2 = fault.about.stage2 === true;
  const rules = stage2
    ? { aborts: true, records: ste!.stage2!.records, stalls: ste!.stage2!.stalls }
    : cd!;
  if (rules.stalls) return { kind: 'stalled', event: record(fault, access, 0) };
  if (rules.aborts) return abort(rules.records);
  return rules.records ? { kind: 'raz-wi', event } : { kind: 'raz-wi' };
}

function untranslated(machine: Machine, progress: Progress): Translated {
  const { access } = progress;
  const { oas } = machine.implementation;
  if (!enabled(machine)) {
    const { GBPA } = machine.registers;
    if (bit(GBPA, 20) || access.address >= power(oas)) throw new SilentAbort();
    const attributes = overriddenInput(gbpaOverrides(GBPA), machine.implementation);
    return { pa: access.address, readable: true, writable: true, attributes };
  }
  const ste = (progress.ste = readSte(machine, access.streamId));
  progress.access = overridden(access, ste, machine);
  const index = contextIndex(ste, access.substreamId);
  if (index !== undefined) progress.cd = readCd(machine, ste, index);
  return throughStages(machine, ste, progress.cd, progress.access);
}

/** Which CD a transaction uses; none where stage 1 does not translate (§5.2 S1DSS, S1CDMax). */
export function contextIndex(ste: Ste, substreamId: number | undefined): number | undefined {
  if (substreamId !== undefined) {
    if (!ste.stage1 || ste.s1CdMax === 0 || substreamId >= 2 ** ste.s1CdMax) {
      throw new Fault('C_BAD_SUBSTREAMID');
    }
    if (substreamId === 0 && ste.s1Dss === 2) throw new Fault('F_STREAM_DISABLED');
    return substreamId;
  }
  if (!ste.stage1) return undefined;
  if (ste.s1CdMax === 0) return 0;
  if (ste.s1Dss === 0) throw new Fault('F_STREAM_DISABLED');
  return ste.s1Dss === 1 ? undefined : 0;
}

function throughStages(machine: Machine, ste: Ste, cd: Cd | undefined, access: Access): Translated {
  let attributes = overriddenInput(steOverrides(ste.words), machine.implementation);
  let address = access.address;
  const permissions: Permissions[] = [];
  if (cd === undefined) {
    if (address >= power(machine.implementation.oas)) {
      throw new Fault('F_ADDR_SIZE', { purpose: 'IN', bypass: true });
    }
  } else {
    const leaf = lookUpStage1(machine, ste, cd, access);
    if (!permitted(leaf.permissions, access)) throw new Fault('F_PERMISSION', { purpose: 'IN' });
    updateStage1(machine, ste, cd, leaf, access.write);
    permissions.push(leaf.permissions);
    const stage1 = stage1Attributes(cd.words, leaf.attrIndex, leaf.shareability);
    attributes = throughStage1(attributes, stage1);
    address = leaf.output;
  }
  if (ste.stage2 === undefined) return granted(address, permissions, attributes, access);
  return throughSecond(machine, ste, { ...access, address }, permissions, attributes);
}

/** The last step: the IPA of an access through stage 2. `access.address` is the IPA. */
function throughSecond(
  machine: Machine,
  ste: Ste,
  access: Access,
  before: readonly Permissions[],
  attributes: Attributes,
): Translated {
  const regime = ste.stage2!;
  const ipa = access.address;
  const leaf = lookUpStage2(machine, regime, ipa, 'IN', access.privileged);
  if (!permitted(leaf.permissions, access)) {
    throw new Fault('F_PERMISSION', { stage2: true, purpose: 'IN', ipa });
  }
  updateStage2(machine, regime, leaf, access.write);
  const combined = throughStage2(
    attributes,
    leaf.memAttr,
    leaf.shareability,
    regime.forcedAttributes,
  );
  return granted(leaf.output, [...before, leaf.permissions], combined, access);
}

function permitted(permissions: Permissions, access: Access): boolean {
  if (access.write) return permissions.write;
  return access.instruction ? permissions.execute : permissions.read;
}

function granted(
  pa: bigint,
  stages: readonly Permissions[],
  attributes: Attributes,
  access: Access,
): Translated {
  return {
    pa,
    readable: stages.every((p) => (access.instruction ? p.execute : p.read)),
    writable: stages.every((p) => p.write),
    attributes,
  };
}

/** §3.9.1.3: what a device says it has translated already. */
function translatedTransaction(machine: Machine, progress: Progress): Translated {
  const { access } = progress;
  if (!machine.implementation.ats) throw new SilentAbort();
  if (!enabled(machine)) throw new Fault('F_TRANSL_FORBIDDEN');
  const past = { pa: access.address, readable: true, writable: true, attributes: DEFAULT_INPUT };
  const tooLarge = access.address >= power(machine.implementation.oas);
  if (!bit(machine.registers.CR0, 4)) {
    if (tooLarge) throw new SilentAbort();
    return past;
  }
  const ste = (progress.ste = readSte(machine, access.streamId));
  if (ste.eats === 0) throw new Fault('F_TRANSL_FORBIDDEN');
  if (ste.eats === 2) {
    progress.access = overridden(access, ste, machine);
    // An IPA past stage 1 is held to the IAS as one that bypasses it (§3.4).
    if (tooLarge) throw new Fault('F_ADDR_SIZE', { purpose: 'IN', bypass: true });
    return throughSecond(machine, ste, progress.access, [], DEFAULT_INPUT);
  }
  if (tooLarge) throw new SilentAbort();
  return past;
}
