import type { Answer, Command, Errno } from '@steward/domain';

/** What became of a command that an ioctl asked for. */
export interface CommandOutcome {
  /** Absent: accepted, and nothing stopped it. */
  readonly errno?: Errno;
  readonly answer?: Answer;
}

/** What an ioctl returns: 0 or an errno, and the fields it writes back. */
export interface Reply<Out = Record<never, never>> {
  readonly errno?: Errno;
  readonly out: Out;
}

/** An ioctl as a conversation: it yields the domain commands it needs and is told their outcomes. */
export type Conversation<Out = Record<never, never>> = Generator<
  Command,
  Reply<Out>,
  CommandOutcome
>;

/** The reply of an ioctl that has nothing to write back. */
export function failed(errno: Errno): {
  readonly errno: Errno;
  readonly out: Record<never, never>;
} {
  return { errno, out: {} };
}

/** One command, its errno as the reply. */
export function* perform(command: Command): Conversation {
  const { errno } = yield command;
  return errno === undefined ? { out: {} } : failed(errno);
}
