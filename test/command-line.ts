import type { Command } from 'commander';

/**
 * Runs a runner's command: a wrong command line exits 2, an error the runner did not expect is shown and exits 1.
 * @param told errors that say enough by their message; of any other the stack is shown.
 */
export function runCommand(
  command: Command,
  argv: readonly string[],
  told: (error: Error) => boolean = () => false,
): void {
  command
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parseAsync([...argv], { from: 'user' })
    .catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? textOf(error, told) : String(error)}\n`);
      process.exitCode = 1;
    });
}

function textOf(error: Error, told: (error: Error) => boolean): string {
  return told(error) ? error.message : (error.stack ?? error.message);
}
