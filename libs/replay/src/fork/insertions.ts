import { commandOf, kindOfCommand } from '@steward/domain';
import { bytesOf } from '@steward/domain';
import { z } from 'zod';
import { ForkSyntaxError } from './changes';
import type { Insertion } from './steps';

const LINE = z.strictObject({
  after: z.int().nonnegative(),
  actor: z.string().min(1).default('fork'),
  host: z.string().min(1).optional(),
  command: z.looseObject({ type: z.string() }),
  words: z.array(z.string().regex(/^0x[0-9a-f]{1,16}$/i)).optional(),
});

/**
 * Commands to insert, one JSON object a line: `after` (a commit of the original history, 0 for the beginning), `actor`,
 * `host`, `command` as `show --json` gives it, `words` where bulk words belong to it.
 * @throws ForkSyntaxError naming the line.
 */
export function parseInsertions(text: string): Insertion[] {
  return text
    .split('\n')
    .map((line, i) => ({ line, number: i + 1 }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, number }) => parseLine(line, number));
}

function parseLine(line: string, number: number): Insertion {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new ForkSyntaxError(`insertion line ${number} is not JSON`);
  }
  const parsed = LINE.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw new ForkSyntaxError(`insertion line ${number}: ${where} ${issue?.message ?? ''}`);
  }
  const { after, actor, host, command, words } = parsed.data;
  const { type, ...payload } = command;
  if (kindOfCommand(type) === undefined) {
    throw new ForkSyntaxError(`insertion line ${number}: there is no command ${type}`);
  }
  const bulk = words && { words: bytesOf(BigUint64Array.from(words, BigInt)) };
  return {
    ...{ after, actor },
    ...(host !== undefined && { host }),
    command: commandOf({ type, payload, ...bulk }),
  };
}
