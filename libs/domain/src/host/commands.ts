import type { ForgettableCommand } from './forgotten';
import type { Policy, Region } from './events';

export type HostCommand =
  | {
      /** A physical machine joins: its physical address space and its driver's policy. */
      readonly type: 'RegisterHost';
      readonly host: string;
      readonly policy: Policy;
      readonly memory: readonly Region[];
      /** Commands that its driver forgets, to play an incident again. */
      readonly forgets?: readonly ForgettableCommand[];
    }
  /** The machine is switched off for good. Guests must have given back its devices. */
  | { readonly type: 'CloseHost'; readonly host: string }
  | {
      /**
       * Another driver takes over while everything runs, as if the kernel were exchanged underneath: objects that exist
       * stay, and whatever is decided from here on follows the other policy. What `fork` asks.
       */
      readonly type: 'ChangePolicy';
      readonly host: string;
      readonly policy: Policy;
    };
