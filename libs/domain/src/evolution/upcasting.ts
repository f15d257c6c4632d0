import type { DomainEvent } from '../aggregates';

/** An event as a ledger holds it, in the version of its type that it was written in. */
export interface VersionedEvent {
  readonly type: string;
  /** Version of the event type, 1 or more. */
  readonly schema: number;
  readonly payload: Readonly<Record<string, unknown>>;
  /** 64-bit words, little-endian. */
  readonly words?: Uint8Array;
}

/** Says an event in the next version of its type. What it means stays the same. */
export type Upcaster = (event: Omit<VersionedEvent, 'schema'>) => Omit<VersionedEvent, 'schema'>;

/** For each type the step from version 1 to 2, from 2 to 3, and so on; a type without an entry is at version 1. */
export type Upcasters = Readonly<Record<string, readonly Upcaster[]>>;

/**
 * Every step between versions of events, in one place. Who changes what an event says adds one here, and a ledger with
 * the old version to the kept ones; deciders, machine and read models know the present versions only.
 */
export const UPCASTERS: Upcasters & Partial<Record<DomainEvent['type'], readonly Upcaster[]>> = {};

/** An event in a version that this release does not know. */
export class UnknownEventVersionError extends Error {
  override readonly name = 'UnknownEventVersionError';

  constructor(
    readonly type: string,
    readonly schema: number,
    known: number,
  ) {
    super(`${type} in version ${schema}: this release knows versions 1 to ${known}`);
  }
}

/** The present version of an event type: what is written. */
export function schemaOf(type: string, upcasters: Upcasters = UPCASTERS): number {
  // Not by `upcasters[type]` alone: a type called "constructor" has no steps.
  return 1 + (Object.hasOwn(upcasters, type) ? (upcasters[type]?.length ?? 0) : 0);
}

/**
 * The event in the present version of its type.
 * @throws UnknownEventVersionError for a version that a later release wrote, or that is none.
 */
export function upcast(event: VersionedEvent, upcasters: Upcasters = UPCASTERS): VersionedEvent {
  const { type, schema } = event;
  const present = schemaOf(type, upcasters);
  if (schema === present) return event;
  if (!Number.isInteger(schema) || schema < 1 || schema > present) {
    throw new UnknownEventVersionError(type, schema, present);
  }
  const steps = upcasters[type]?.slice(schema - 1) ?? [];
  const said = steps.reduce((older, step) => step(older), event as Omit<VersionedEvent, 'schema'>);
  return { ...said, schema: present };
}
