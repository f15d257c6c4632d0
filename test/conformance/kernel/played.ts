/** What a step came to, beside what the hardware did. */
export interface Played {
  readonly errno: string;
  /** As the recording writes it; fields that it leaves out are not compared. */
  readonly out: Readonly<Record<string, unknown>>;
}

/** A step that came to nothing but success. */
export const OK: Played = { errno: 'OK', out: {} };
