import { basename } from 'node:path';
import type { Scenario } from '@steward/control';
import type { RunReport } from '../commands/run';
import { colour, print, printTable } from '../output';

/** The report of a run, for people. */
export function printRunReport(report: RunReport, guests: Scenario['guests']): void {
  print(colour.bold(`${report.scenario}: ${report.guests} guests, seed ${report.seed}`));
  print();
  printTable(
    ['guest', 'SMMU', 'recording'],
    guests.map((g) => [g.name, g.smmu, basename(g.recording)]),
  );
  print();
  const { dma, invalidations, stes } = report;
  const good = (ok: boolean, text: string): string => (ok ? colour.green(text) : colour.red(text));
  const rows: [string, string][] = [
    ['DMA', `${count(dma.accesses)} accesses`],
    ['  matched', good(dma.mismatched === 0, count(dma.matched))],
    ['  faulted as expected', count(dma.faulted)],
    ['  mismatched', good(dma.mismatched === 0, count(dma.mismatched))],
    ['attaches', count(report.attaches)],
    ['physical STEs compared', `${count(stes.compared)}, ${count(stes.mismatched)} differ`],
    ['invalidations', ''],
    ['  issued by guests', `${count(invalidations.guest)}  ${byKind(invalidations.guestByKind)}`],
    ['  issued by host drivers', count(invalidations.host)],
    ['  consumed by SMMUs', count(invalidations.hardware)],
    ['  commands consumed', byKind(invalidations.hardwareByKind)],
    ['  entries removed', byKind({ ...invalidations.removedEntries })],
    ['stale entries', good(staleness(report) === NONE_STALE, staleness(report))],
    ['log', `${count(report.commits)} commits, ${count(report.events)} events, ${mib(report)}`],
    ['time', `${(report.wallMs / 1000).toFixed(1)} s (CPU ${(report.cpuMs / 1000).toFixed(1)} s)`],
    ['digest, live', report.digest],
  ];
  if (report.replay) {
    const same = report.replay.diverged === null && report.replay.digest === report.digest;
    rows.push(['digest, replayed', good(same, `${report.replay.digest} ${same ? '=' : '≠'} live`)]);
  }
  if (report.verify) {
    const { ok, commits, firstBad } = report.verify;
    const text = ok
      ? `ok, ${count(commits)} commits`
      : `${firstBad?.position}: ${firstBad?.reason}`;
    rows.push(['verify', good(ok, text)]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, value] of rows) print(`${name.padEnd(width)}  ${value}`);
}

const NONE_STALE = 'none left by host drivers, none used';

function staleness({ stale }: RunReport): string {
  const { hostWindows, notSynced, tagsNotFlushed, notCarriedOut, uses, guestWindows } = stale;
  const parts = [
    hostWindows > 0 ? `${count(hostWindows)} windows left by host drivers` : '',
    notSynced > 0 ? `${count(notSynced)} invalidations without CMD_SYNC` : '',
    tagsNotFlushed > 0 ? `${count(tagsNotFlushed)} VMIDs or ASIDs not flushed` : '',
    notCarriedOut > 0 ? `${count(notCarriedOut)} entries invalidated by guests in vain` : '',
    uses > 0 ? `${count(uses)} used` : '',
  ].filter((part) => part !== '');
  if (parts.length === 0) return NONE_STALE;
  return [...parts, `${count(guestWindows)} windows of guests`].join(', ');
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function mib({ ledgerBytes }: RunReport): string {
  return `${(ledgerBytes / 2 ** 20).toFixed(1)} MiB`;
}

function byKind(kinds: Readonly<Record<string, number>>): string {
  return Object.entries(kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([name, n]) => `${name} ${count(n)}`)
    .join(', ');
}
