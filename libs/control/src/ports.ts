import type { Ledger, ReadModels } from '@steward/ledger';

/** Injection tokens of what the shell provides. */
export const LEDGER = Symbol('Ledger');
export const READ_MODELS = Symbol('ReadModels');
export const CLOCK = Symbol('Clock');

/** The time now, RFC 3339 in UTC. */
export type Clock = () => string;

export type { Ledger, ReadModels };
