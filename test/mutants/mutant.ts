/** One line of the model inverted: the checks of the room must notice. */
export interface Mutant {
  readonly id: string;
  /** File below the room's `src`. */
  readonly file: string;
  /** Text that stands in the file exactly once, and what takes its place. */
  readonly before: string;
  readonly after: string;
  /** The rule that it breaks, with the section of IHI 0070 or DDI 0487. */
  readonly rule: string;
  /** Why nothing can notice: the mutant behaves like the model. Absent: it must be killed. */
  readonly survives?: string;
}

type Row = readonly [file: string, before: string, after: string, rule: string, survives?: string];

/** Mutants from rows; the id is the group's name with the row's number. */
export function mutants(group: string, rows: readonly Row[]): Mutant[] {
  return rows.map(([file, before, after, rule, survives], i) => ({
    ...{ id: `${group}-${String(i + 1).padStart(2, '0')}`, file, before, after, rule },
    ...(survives !== undefined && { survives }),
  }));
}
