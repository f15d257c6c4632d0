import type { AtcInvalidation } from '../reading/atc';
import type { Registers } from '../reading/machine';
import type { Request } from '../reading/transaction';
import type { TranslationRequest } from '../reading/translation-request';
import type { RamRegion } from './physical';

export type Step =
  | { readonly kind: 'access'; readonly request: Request }
  /** An access by the device that has an ATC. */
  | { readonly kind: 'device'; readonly request: Request }
  | { readonly kind: 'translation-request'; readonly request: TranslationRequest };

/** One SMMU, its memory, and what devices ask of it. */
export interface Case {
  readonly idr: readonly [number, number, number, number, number, number];
  readonly registers: Registers;
  readonly regions: readonly RamRegion[];
  readonly words: ReadonlyMap<bigint, bigint>;
  /** The words before any were damaged. */
  readonly intact: ReadonlyMap<bigint, bigint>;
  /** The stream that the STE is of. */
  readonly streamId: number;
  /** Where that lies. */
  readonly ste: bigint;
  readonly steps: readonly Step[];
  /** What the device's ATC is asked to forget afterwards, one after another. */
  readonly invalidations: readonly AtcInvalidation[];
}
