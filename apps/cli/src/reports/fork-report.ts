import type { Line, Row, SideTotals, StepDifference } from '@steward/replay';
import type { ForkReport } from '../commands/fork';
import { decodeEntry, oneLine } from '../decoded';
import { colour, print } from '../output';

/** Rows of one difference that are printed; a fan-out may have hundreds. */
const ROWS_SHOWN = 24;

/** Two histories side by side, causes first. `limit`: differences to print. */
export function printForkReport(report: ForkReport, limit: number): void {
  const { kept, at, ledger, out, positions, causes, differences, counts, totals } = report;
  print(colour.bold(`${out} parts from ${ledger} after commit ${kept}`));
  if (kept < at) print(`(commit ${at} lies among what an earlier command led to)`);
  for (const cause of causes) printDifference(`${cause.edit}`, cause);
  const [first, ...rest] = differences;
  if (first === undefined) print(`\nnothing else came of the other ${counts.same} commands`);
  else printDifference('first to part', first);
  for (const difference of rest.slice(0, Math.max(limit - 1, 0)))
    printDifference('then', difference);
  const hidden = differences.length - Math.max(limit, first === undefined ? 0 : 1);
  if (hidden > 0) print(`\n… and of ${hidden} more commands something else came (--limit, --json)`);
  print();
  print(`commands from outside: ${counts.same} as before, ${counts.different} not`);
  const kinds = Object.entries(counts.rows).filter(([, n]) => n > 0);
  if (kinds.length > 0)
    print(`differences: ${kinds.map(([kind, n]) => `${n} ${kind}`).join(', ')}`);
  printTotals('before', positions.original, totals.original);
  printTotals('now', positions.fork, totals.fork);
  print(`digest ${report.digest}`);
}

function printTotals(
  name: string,
  position: number,
  { commits, rejected, dma, stale }: SideTotals,
): void {
  const { accesses, matched, faulted, mismatched } = dma;
  print(
    `${name.padEnd(6)} ${commits} commits up to ${position}, ${rejected} refused; ` +
      `DMA ${accesses}: ${matched} matched, ${faulted} faulted, ${mismatched} mismatched; ` +
      `stale: ${stale.hostWindows} host windows, ${stale.guestWindows} guest windows, ${stale.uses} uses`,
  );
}

function printDifference(
  what: string,
  { original, fork, command, actor, rows }: StepDifference,
): void {
  const place = `${original ?? '–'} | ${fork ?? '–'}`;
  print();
  print(`${colour.bold(what)}: commit ${place}  ${command} by ${actor}`);
  for (const row of rows.slice(0, ROWS_SHOWN)) printRow(row);
  if (rows.length > ROWS_SHOWN) print(`  … ${rows.length - ROWS_SHOWN} more lines`);
}

function printRow(row: Row): void {
  const { original, fork } = row;
  const fields = changedFields(row);
  if (original !== null && fork !== null && fields.length > 0) {
    const places = `${original.position} | ${fork.position}`;
    print(`  ${colour.yellow('~')} ${places} ${original.aspect} ${original.text}`);
    for (const field of fields) print(`      ${field}`);
    return;
  }
  if (original !== null) print(`  ${colour.red('-')} ${lineText(original)}`);
  if (fork !== null) print(`  ${colour.green('+')} ${lineText(fork)}`);
}

/** Of one entry on both sides, the fields that differ; none where the entries themselves are the same. */
function changedFields({ aspect, original, fork }: Row): string[] {
  if (aspect !== 'ste' || !original?.words || !fork?.words) return [];
  const [before, after] = [original.words, fork.words].map((words) => {
    const { fields } = decodeEntry('ste', words.map(BigInt));
    return new Map(fields.map(({ name, value, meaning }) => [name, meaning ?? value]));
  });
  return [...(before ?? [])]
    .filter(([name, value]) => after?.get(name) !== value)
    .map(([name, value]) => `${name}: ${value} → ${after?.get(name)}`);
}

const ENTRY = { ste: 'ste', 'smmu-command': 'cmd' } as const;

function lineText({ aspect, position, text, words }: Line): string {
  const kind = aspect === 'ste' || aspect === 'smmu-command' ? ENTRY[aspect] : undefined;
  const fields = kind && words && oneLine(decodeEntry(kind, words.map(BigInt)));
  const shown = fields === undefined ? text : `${text}: ${fields.slice(fields.indexOf(' ') + 1)}`;
  return `${String(position).padStart(6)} ${aspect.padEnd(12)} ${shown}`;
}
