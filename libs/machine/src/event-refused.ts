/** An event that the machine cannot follow: the log is no history of this machine, or the machine has a defect. */
export class EventRefused extends Error {
  override readonly name = 'EventRefused';

  /**
   * @param index place in its commit, from 0.
   * @param type of the event.
   */
  constructor(
    readonly index: number,
    readonly type: string,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
