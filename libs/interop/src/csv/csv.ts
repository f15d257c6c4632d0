/** A value of a cell; null and undefined are an empty one. */
export type CsvValue = string | number | boolean | null | undefined;

/** One record of RFC 4180, its line end included. Every text is as it is: what a spreadsheet makes of it is its business. */
export function csvRecord(values: readonly CsvValue[]): string {
  return `${values.map(cell).join(',')}\r\n`;
}

function cell(value: CsvValue): string {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Columns of a table: a name, and what a row has there. */
export type CsvColumns<Row> = readonly (readonly [name: string, of: (row: Row) => CsvValue])[];

/** A table with its header, record by record. */
export async function* csvTable<Row>(
  columns: CsvColumns<Row>,
  rows: AsyncIterable<Row> | Iterable<Row>,
): AsyncGenerator<string> {
  yield csvRecord(columns.map(([name]) => name));
  for await (const row of rows) yield csvRecord(columns.map(([, of]) => of(row)));
}
