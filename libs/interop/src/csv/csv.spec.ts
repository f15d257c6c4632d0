import fc from 'fast-check';
import { csvRecord, csvTable } from './csv';

/** The cells of a text of RFC 4180, read letter by letter. */
function parse(text: string): string[][] {
  const records: string[][] = [[]];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (quoted && letter === '"' && text[i + 1] === '"') cell += text[++i]!;
    else if (letter === '"') quoted = !quoted;
    else if (quoted || (letter !== ',' && letter !== '\r')) cell += letter;
    else {
      records.at(-1)!.push(cell);
      cell = '';
      if (letter === '\r') {
        i++;
        records.push([]);
      }
    }
  }
  return records.slice(0, -1);
}

describe('CSV', () => {
  it('gives back any text, whatever separators and quotes it holds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', '=') });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (cells) => {
        expect(parse(csvRecord(cells))).toEqual([cells]);
      }),
      { seed: 20260131 },
    );
  });

  it('has a header, a record a row, and empty cells for what is not there', async () => {
    const columns = [
      ['n', (row: { n: number }) => row.n],
      ['odd', (row: { n: number }) => (row.n % 2 === 1 ? true : null)],
    ] as const;
    let text = '';
    for await (const record of csvTable(columns, [{ n: 1 }, { n: 2 }])) text += record;
    expect(text).toBe('n,odd\r\n1,true\r\n2,\r\n');
  });
});
