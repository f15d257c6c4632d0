/** One line of a vector file, as far as the runner reads it. Wide numbers are hex strings. */
export interface Vector {
  readonly id: string;
  readonly config: {
    readonly idr: readonly string[];
    readonly iidr: string;
    readonly aidr: string;
    readonly ram: readonly (readonly [string, string])[];
  };
  readonly regs: Readonly<Record<string, string>>;
  readonly mem: readonly (readonly [string, string])[];
  readonly autoDrain: boolean;
  readonly steps: readonly Step[];
}

/** An event record, decoded; only the fields that are present are compared. */
export interface EventFields {
  readonly type: string;
  /** Fields not to be compared. */
  readonly unreliable?: readonly string[];
  readonly [field: string]: unknown;
}

/** One permitted result of an access. */
export interface AccessResult {
  readonly ok: boolean;
  readonly pa?: string;
  readonly cause?: 'noMemory';
  /** Records in the queue afterwards; absent: not looked at. */
  readonly events?: readonly EventFields[];
  /** The single record, in readings of the architecture; absent there: none. */
  readonly event?: EventFields;
}

export interface DmaStep {
  readonly op: 'dma';
  readonly sid: string;
  readonly iova: string;
  readonly rw: 'r' | 'w';
  readonly len: number;
  readonly data?: string;
  readonly expect: AccessResult;
  readonly qemuSpecific?: boolean;
  readonly arch?: AccessResult;
  readonly archAlternatives?: readonly AccessResult[];
  readonly cachingDependent?: boolean;
  readonly uncached?: AccessResult;
}

export interface MemStep {
  readonly op: 'mem';
  readonly addr: string;
  readonly data: string;
}

export interface CmdStep {
  readonly op: 'cmd';
  readonly words: readonly [string, string];
  readonly expect: { readonly cmdq_cons: string; readonly gerror: string };
}

export interface RegStep {
  readonly op: 'reg';
  readonly name: string;
  readonly value: string;
}

export interface RegReadStep {
  readonly op: 'regread';
  readonly name: string;
  readonly expect: { readonly value: string };
}

export interface DrainStep {
  readonly op: 'drain';
  readonly expect: { readonly events: readonly EventFields[] };
}

export type Step = DmaStep | MemStep | CmdStep | RegStep | RegReadStep | DrainStep;
