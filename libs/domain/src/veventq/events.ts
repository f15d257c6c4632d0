export type VeventqEvent =
  | {
      readonly type: 'VeventqAllocated';
      readonly veventq: string;
      readonly vsmmu: string;
      readonly queueType: number;
      readonly depth: number;
    }
  /** `words`: one 32-byte record. */
  | { readonly type: 'VeventQueued'; readonly sequence: number; readonly words: BigUint64Array }
  /** The queue was full: the reader will see a lost-events header with this number, unless an event follows. */
  | { readonly type: 'VeventLost'; readonly sequence: number }
  /** The oldest `count` items were read. */
  | { readonly type: 'VeventsRead'; readonly count: number }
  | { readonly type: 'VeventqClosed'; readonly veventq: string }
  | { readonly type: 'VeventqFreed'; readonly veventq: string };
