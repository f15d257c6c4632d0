import type { CommandWords, PhysicalMemory, Smmu } from '@steward/smmu';
import type { CommandOrigin } from './smmu-reports';

/** Where commands are about to go, and whose they are. */
export interface TappedQueue {
  /** The SMMU's id. */
  readonly smmu: string;
  readonly hardware: Smmu;
  readonly memory: PhysicalMemory;
  /** The driver's own, or converted from a guest's. */
  readonly origin: 'driver' | 'guest';
}

/**
 * Stands between a driver and its SMMUs' command queues. A driver has none; simulations plant defects
 * there and let hardware read ahead at the worst of moments.
 */
export interface CommandTap {
  /** The driver issues commands; only what is handed to `forward` reaches the queue, at once. */
  issue(
    queue: TappedQueue,
    commands: readonly CommandWords[],
    forward: (commands: readonly CommandWords[]) => void,
  ): void;
}

/** A tap on one SMMU's queue. */
export interface Tapped {
  readonly tap: CommandTap;
  /** The SMMU's id. */
  readonly smmu: string;
  readonly origin: CommandOrigin;
}
