import Table from 'cli-table3';
import pc from 'picocolors';

/** Data goes to stdout. One JSON document, two spaces deep on a terminal. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, process.stdout.isTTY ? 2 : 0)}\n`);
}

/** One JSON object a line. */
export function printJsonLine(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Talk and progress go to stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Colours for stdout, only on a terminal. */
export const colour = pc.createColors(Boolean(process.stdout.isTTY) && pc.isColorSupported);

/** A plain table without vertical lines, readable in a pipe too. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '' };
  const rest = { bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' };
  const inner = { left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '' };
  const table = new Table({
    head: head.map((h) => colour.bold(h)),
    chars: { ...none, ...rest, ...inner, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  print(table.toString().replace(/ +$/gm, ''));
}
