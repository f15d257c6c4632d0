/** One line of `npm run bench -- --json`. Names and keys are a contract with those who read them. */
export interface Measured {
  readonly name: string;
  readonly value: number;
  /** Such as `ns`, `us`, `events/s`. */
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** The same data, sizes, access pattern and durability without this project's code, in the same run. */
  readonly baseline?: { readonly name: string; readonly value: number };
  /** value / baseline.value. */
  readonly ratio?: number;
  /** How many operations the value was taken over. */
  readonly n: number;
  readonly p50?: number;
  readonly p99?: number;
  readonly note?: string;
}

/** One named measurement. */
export interface Measurement {
  readonly name: string;
  /** @param quick all measurements together take at most 60 s. */
  measure(options: { readonly quick: boolean }): Measured | Promise<Measured>;
}

/** A result with the ratio to its baseline. */
export function against(
  measured: Omit<Measured, 'baseline' | 'ratio'>,
  baseline: { readonly name: string; readonly value: number },
): Measured {
  return { ...measured, baseline, ratio: measured.value / baseline.value };
}
