/** The shape of a ground-truth file: JSON as recorded, words as 16 hex digits. */
export interface GroundTruth {
  readonly scenarios: readonly Scenario[];
}

export interface Scenario {
  /** Which machine it ran on: a letter of the set-up table. */
  readonly run: string;
  readonly scenario: string;
  readonly sequence?: readonly Step[];
  readonly ops?: readonly Step[];
  readonly teardown: readonly Step[];
}

export interface Step {
  readonly n: number;
  /** What the test program was doing, in words; some arguments are said only here. */
  readonly case?: string;
  readonly op: string;
  readonly in: StepIn;
  readonly errno: string;
  readonly out: Readonly<Record<string, unknown>>;
  readonly cmds?: readonly string[];
  readonly cmds_smmu1?: readonly string[];
  readonly ste_at_sync?: readonly { readonly dev: string; readonly ste: readonly string[] }[];
  readonly ste_change?: Readonly<
    Record<string, { readonly before: readonly string[]; readonly after: readonly string[] }>
  >;
  readonly hw_events?: readonly string[];
  readonly hw_events_smmu1?: readonly string[];
}

export type StepIn = Readonly<Record<string, unknown>>;

/** All steps of a scenario in order, the closing of files at its end included. */
export function stepsOf(scenario: Scenario): readonly Step[] {
  return [...(scenario.sequence ?? scenario.ops ?? []), ...scenario.teardown];
}

/** A number argument; `fallback` when the step does not name it. */
export function number(args: StepIn, name: string, fallback?: number): number {
  const value = args[name] ?? fallback;
  if (typeof value !== 'number') throw new RangeError(`${name} is no number: ${String(value)}`);
  return value;
}

/** A text argument. */
export function text(args: StepIn, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new RangeError(`${name} is no text: ${String(value)}`);
  return value;
}

/** Words written as hex digits, with spaces between them. */
export function words(line: string): bigint[] {
  return line.split(' ').map((word) => BigInt(`0x${word}`));
}

export function line(of: readonly bigint[]): string {
  return of.map((word) => word.toString(16).padStart(16, '0')).join(' ');
}
