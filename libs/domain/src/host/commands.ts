import type { Policy, Region } from './events';

export type HostCommand = {
  /** A physical machine joins: its physical address space and its driver's policy. */
  readonly type: 'RegisterHost';
  readonly host: string;
  readonly policy: Policy;
  readonly memory: readonly Region[];
};
