import type { Registers } from '../reading/machine';
import type { Request } from '../reading/transaction';
import type { TranslationRequest } from '../reading/translation-request';
import type { RamRegion } from './physical';

export type Step =
  | { readonly kind: 'access'; readonly request: Request }
  | { readonly kind: 'translation-request'; readonly request: TranslationRequest };

/** One SMMU, its memory, and what devices ask of it. */
export interface Case {
  readonly idr: readonly [number, number, number, number, number, number];
  readonly registers: Registers;
  readonly regions: readonly RamRegion[];
  readonly words: ReadonlyMap<bigint, bigint>;
  /** The words before any were damaged. */
  readonly intact: ReadonlyMap<bigint, bigint>;
  readonly steps: readonly Step[];
}
