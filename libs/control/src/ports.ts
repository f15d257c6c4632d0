import type { Ledger, ReadModels } from '@steward/ledger';

/** Injection tokens of what the shell provides. */
export const LEDGER = Symbol('Ledger');
export const READ_MODELS = Symbol('ReadModels');
export const CLOCK = Symbol('Clock');
export const SNAPSHOTS = Symbol('SnapshotTrigger');

/** The time now, RFC 3339 in UTC. */
export type Clock = () => string;

/** Told of each commit that is durable: how many events it has. */
export interface SnapshotTrigger {
  committed(events: number): void;
}

/** For a ledger of which nobody takes snapshots. */
export const NO_SNAPSHOTS: SnapshotTrigger = { committed: () => undefined };

export type { Ledger, ReadModels };
