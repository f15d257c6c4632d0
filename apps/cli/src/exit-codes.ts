import type { LedgerError, LedgerErrorCode } from '@steward/ledger';

/** Exit codes of `steward`; each has one meaning. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  refused: 4,
  tampered: 5,
  diverged: 6,
  incoherent: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An end with a message for people and an exit code for scripts. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Names of typed errors of the rooms, and the exit code each means. Anything else is a bug. By name, so that
 * `decode` and `--help` start without the rooms.
 */
const EXIT_BY_ERROR: Readonly<Record<string, ExitCode>> = {
  ScenarioSyntaxError: EXIT.usage,
  ScenarioRefusedError: EXIT.refused,
  UnplayableRecording: EXIT.refused,
  RecordingError: EXIT.failed,
  TraceError: EXIT.failed,
  CmdqError: EXIT.failed,
  NoSuchSmmu: EXIT.notFound,
  BisectBoundsError: EXIT.failed,
  UnsupportedTrace: EXIT.refused,
  NothingToExplain: EXIT.notFound,
  ForkSyntaxError: EXIT.usage,
  ForkRefusedError: EXIT.refused,
};

const EXIT_BY_LEDGER_ERROR: Readonly<Partial<Record<LedgerErrorCode, ExitCode>>> = {
  missing: EXIT.notFound,
  exists: EXIT.refused,
  'not-empty': EXIT.refused,
  archived: EXIT.refused,
  'not-archived': EXIT.refused,
  tampered: EXIT.tampered,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (isLedgerError(error)) return EXIT_BY_LEDGER_ERROR[error.code] ?? EXIT.failed;
  return (error instanceof Error && EXIT_BY_ERROR[error.name]) || EXIT.failed;
}

/** Whether an error explains itself; otherwise its stack is shown. */
export function isExpected(error: unknown): boolean {
  return (
    error instanceof CliError ||
    isLedgerError(error) ||
    (error instanceof Error && error.name in EXIT_BY_ERROR)
  );
}

function isLedgerError(error: unknown): error is LedgerError {
  return error instanceof Error && error.name === 'LedgerError';
}
