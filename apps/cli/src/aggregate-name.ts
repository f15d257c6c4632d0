import { parseStream } from '@steward/domain';
import { CliError, EXIT } from './exit-codes';

/** Kind and id of an aggregate given as KIND/ID. @throws CliError (usage) when it names none. */
export function aggregateNamed(text: string): ReturnType<typeof parseStream> {
  try {
    return parseStream(text);
  } catch (error) {
    throw new CliError(EXIT.usage, error instanceof Error ? error.message : String(error));
  }
}
