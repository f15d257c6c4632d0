/**
 * What a suite of the conformance runner answers. `total` counts what the suite compares: vectors, steps, or commands
 * with translations and STEs.
 */
export interface SuiteResult<Failure extends { readonly id: string } = { readonly id: string }> {
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
  /** What was not played, and the feature or the part that is missing. */
  readonly skips: readonly { readonly id: string; readonly why: string }[];
}
