import { badLine, LINE_LENGTH_MAX } from './interchange';

/** The lines of a text that comes in pieces of any size. @throws LedgerError `bad-export` for one that is too long. */
export async function* linesOf(
  text: AsyncIterable<string>,
): AsyncGenerator<string, void, undefined> {
  let rest = '';
  let line = 1;
  for await (const piece of text) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const each of lines) {
      yield each;
      line++;
    }
    if (rest.length > LINE_LENGTH_MAX) throw badLine(line, `longer than ${LINE_LENGTH_MAX}`);
  }
  if (rest !== '') yield rest;
}
