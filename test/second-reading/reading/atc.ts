import { power } from './bits';
import { enabled } from './stream-table';
import type { Machine } from './machine';
import { readTransaction, type Reading, type Request } from './transaction';
import { readTranslationRequest, type Completion } from './translation-request';

type Granted = Extract<Completion, { kind: 'success' }>;

/** What a device keeps of one Translation Completion. */
export interface Translation {
  readonly substreamId: number | undefined;
  readonly privileged: boolean;
  /** First untranslated address, and what it is translated to. */
  readonly first: bigint;
  readonly output: bigint;
  readonly sizeLog2: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** The translations that one device caches: a plain list, searched from its beginning. */
export type Atc = Translation[];

/** The operands of a CMD_ATC_INV (IHI 0070 §4.5.1). */
export interface AtcInvalidation {
  readonly substreamId: number | undefined;
  readonly global: boolean;
  readonly address: bigint;
  readonly size: number;
}

export type DeviceReading = Reading | { readonly kind: 'denied'; readonly completion: Completion };

/** What a completion leaves open: the size, up to the largest, and W under NW=1 (§13.6, §13.7). */
export type Choice = (granted: Granted) => { sizeLog2: number; writable: boolean };

const holds = ({ first, sizeLog2 }: Translation, address: bigint): boolean =>
  address >> BigInt(sizeLog2) === first >> BigInt(sizeLog2);

const belongsTo = (translation: Translation, request: Request): boolean =>
  translation.substreamId === request.substreamId &&
  translation.privileged === (request.privileged === true);

function permits(
  rights: { readable: boolean; writable: boolean; executable: boolean },
  request: Request,
): boolean {
  if (request.write) return rights.writable;
  return request.instruction === true ? rights.executable : rights.readable;
}

/** One access of a device that asks for a translation, keeps it, and accesses memory as Translated. */
export function accessThroughAtc(
  machine: Machine,
  atc: Atc,
  request: Request,
  choice: Choice,
): DeviceReading {
  const cached = atc.find(
    (translation) => belongsTo(translation, request) && holds(translation, request.address),
  );
  if (cached !== undefined && permits(cached, request)) return send(machine, cached, request);
  const completion = readTranslationRequest(machine, { ...request, noWrite: !request.write });
  if (completion.kind !== 'success') return { kind: 'denied', completion };
  const filled = keep(atc, request, completion, choice(completion));
  if (permits(filled, request)) return send(machine, filled, request);
  return { kind: 'denied', completion };
}

function keep(
  atc: Atc,
  request: Request,
  completion: Granted,
  { sizeLog2, writable }: ReturnType<Choice>,
): Translation {
  const offset = BigInt.asUintN(sizeLog2, request.address);
  const translation = {
    substreamId: request.substreamId,
    privileged: request.privileged === true,
    first: request.address - offset,
    output: completion.address - offset,
    sizeLog2,
    readable: completion.readable,
    writable,
    executable: completion.executable,
  };
  const before = atc.findIndex(
    (old) =>
      belongsTo(old, request) && old.first === translation.first && old.sizeLog2 === sizeLog2,
  );
  if (before < 0) atc.push(translation);
  else atc[before] = translation;
  return translation;
}

/** The SMMU says where it ends, the completion said what the device may do there. */
function send(machine: Machine, translation: Translation, request: Request): DeviceReading {
  const address = translation.output + BigInt.asUintN(translation.sizeLog2, request.address);
  const outcome = readTransaction(machine, { ...request, address, translated: true });
  if (outcome.kind !== 'ok') return outcome;
  return { ...outcome, readable: translation.readable, writable: translation.writable };
}

/**
 * What a device is left with (§4.5.1): the span is 4096 * 2^Size bytes and aligned to that; one without
 * PASID is for every PASID, as is a Global one. Choices: no effect for a Size beyond 2^64 bytes, and for
 * a PASID where there are none.
 */
export function invalidated(machine: Machine, atc: Atc, command: AtcInvalidation): Atc {
  const { substreamId, global, address, size } = command;
  if (!enabled(machine) || size > 52) return atc;
  if (substreamId !== undefined && machine.implementation.ssidSize === 0) return atc;
  const shift = BigInt(12 + size);
  const from = (address >> shift) << shift;
  const to = from + power(12 + size);
  return atc.filter((translation) => {
    const end = translation.first + power(translation.sizeLog2);
    const touched = translation.first < to && end > from;
    const named =
      substreamId === undefined ||
      (global ? translation.substreamId !== undefined : translation.substreamId === substreamId);
    return !(touched && named);
  });
}
