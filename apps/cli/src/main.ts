import { CommanderError } from 'commander';
import { EXIT, exitCodeOf, isExpected } from './exit-codes';
import { program } from './program';

async function main(argv: readonly string[]): Promise<void> {
  // A reader that stops reading (`steward log | head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done);
    throw error;
  });
  try {
    await (await program(argv[2])).parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? error.stack : undefined;
    process.stderr.write(`steward: ${isExpected(error) ? message : (stack ?? message)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

void main(process.argv);
