import type { Command } from 'commander';
import { fanOutOf } from '@steward/audit';
import { TraceEventExport } from '@steward/interop';
import type { ShownCommit, ShownWindow, TraceEvent } from '@steward/interop';
import type { AttachmentSpan, StoredCommit, StoredEffect } from '@steward/ledger';
import type { Finding, StaleWindow } from '@steward/machine';
import { Coherence, hostOfAggregate } from '@steward/replay';
import { writeWhole } from '../files';
import { rangeOf, withReadModels } from '../ledger-access';
import type { CommitRange, OpenLedger, RangeFlags } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';
import { progressBar } from '../progress';
import { exportCsvCommand } from './export-csv';
import { exportLogCommand } from './log-text';

interface ExportFlags extends RangeFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly out: string;
}

export function exportCommand(program: Command): void {
  const exports = program.command('export').description('write what others can open');
  withLedgerOption(exports.command('perfetto'))
    .description(
      'attachments, commands, fan-out and counters for ui.perfetto.dev or chrome://tracing',
    )
    .requiredOption('--out <file>', 'file to write; packed when it ends in .gz')
    .option('--since <position>', 'only from this commit on')
    .option('--until <position>', 'only up to this commit')
    .action((flags: ExportFlags) => run(flags));
  exportCsvCommand(exports);
  exportLogCommand(exports);
}

async function run(flags: ExportFlags): Promise<void> {
  await withReadModels(flags.ledger, async (open) => {
    const { since, until } = await rangeOf(flags, open.ledger);
    const bar = progressBar('exporting');
    let count = 0;
    const counted = async function* (): AsyncGenerator<TraceEvent> {
      for await (const event of eventsOf(open, { since, until }, bar.update)) {
        count++;
        yield event;
      }
    };
    await writeWhole(flags.out, textOf(counted())).finally(bar.stop);
    if (flags.json) printJson({ out: flags.out, since, until, events: count });
    else print(`wrote ${flags.out}: ${count} events of commits ${since} to ${until}`);
  });
}

async function* eventsOf(
  open: OpenLedger,
  { since, until }: CommitRange,
  progress: (done: number, total: number) => void,
): AsyncGenerator<TraceEvent> {
  const { ledger, readModels } = open;
  const picture = new TraceEventExport();
  const coherence = new Coherence(open);
  await coherence.moveTo(since - 1, (done) => progress(done, until));
  for await (const { commit, findings } of coherence.findings(until)) {
    for (const finding of findings) yield* staleEvents(picture, finding, commit, until);
    const effects = [...readModels.effects.read(commit.position)];
    yield* picture.commit(shown(commit, effects));
    progress(commit.position, until);
  }
  for (const { host, window } of coherence.openWindows()) {
    yield* picture.window(shownWindow(window, host), until);
  }
  const hosts = new Map<string, string>();
  for (const span of readModels.attachments.find({})) {
    const cut = cutTo(span, { since, until });
    if (cut === undefined) continue;
    const { device } = span;
    const host = hosts.get(device) ?? (await hostOfAggregate(ledger, `device/${device}`)) ?? '';
    hosts.set(device, host);
    yield* picture.span({ ...cut, device: trackOf(span), host, args: argsOf(span) }, until);
  }
}

/** What the coherence checker says of a commit: windows as they close, host drivers' as they are found, uses. */
function* staleEvents(
  picture: TraceEventExport,
  finding: Finding,
  { host, position }: StoredCommit,
  until: number,
): Generator<TraceEvent> {
  if (finding.kind === 'use') {
    const { device, smmu, iova, write, opened } = finding.use;
    const args = { smmu, iova: `0x${iova.toString(16)}`, write, opened: opened.position };
    yield* picture.use({ host, device, position, args });
  } else if (finding.kind === 'window') {
    yield* picture.window(shownWindow(finding.window, host), until);
  }
}

function shownWindow(window: StaleWindow, host: string): ShownWindow {
  const { smmu, owner, opened, closed, entries, uses, latent } = window;
  return {
    ...{ host, smmu, opened: opened.position, closed: closed?.position ?? null },
    owner: owner.kind === 'host' ? 'host driver' : `guest ${owner.vm}`,
    args: { openedBy: opened.event, closedBy: closed?.event ?? null, entries, uses, latent },
  };
}

/** Spans of one track follow each other; those of a PASID lie beside the device's. */
function trackOf({ device, pasid }: AttachmentSpan): string {
  return pasid === null ? device : `${device} PASID ${pasid}`;
}

/** The part of a span that lies in the range. */
function cutTo(span: AttachmentSpan, { since, until }: CommitRange): AttachmentSpan | undefined {
  if (span.fromPosition > until || (span.toPosition ?? Infinity) <= since) return undefined;
  const toPosition = span.toPosition !== null && span.toPosition <= until ? span.toPosition : null;
  return { ...span, fromPosition: Math.max(span.fromPosition, since), toPosition };
}

function argsOf({
  vm,
  vmid,
  vste0,
  vste1,
  ste,
  actor,
  beganBy,
  endedBy,
}: AttachmentSpan): Record<string, unknown> {
  return { vm, vmid, vste: vste0 === null ? null : [vste0, vste1], ste, actor, beganBy, endedBy };
}

function shown(commit: StoredCommit, effects: readonly StoredEffect[]): ShownCommit {
  const { position, host, at, actor, commandId, command, outcome, causationId } = commit;
  const fanOut = fanOutOf(commit, effects);
  const dma = dmaOf(effects);
  const causedBy = Number(causationId);
  return {
    ...{ position, host, at, actor, commandId, command: String(command['type']) },
    ...(!outcome.ok && { refused: outcome.errno }),
    ...(Number.isSafeInteger(causedBy) && causedBy > 0 && { causedBy }),
    ...(fanOut && { fanOut }),
    ...(dma && { dma }),
  };
}

function dmaOf(effects: readonly StoredEffect[]): ShownCommit['dma'] {
  const batches = effects.filter(({ kind }) => kind === 'dma');
  if (batches.length === 0) return undefined;
  const sum = (key: string): number => batches.reduce((n, b) => n + Number(b.payload[key]), 0);
  return { matched: sum('matched'), faulted: sum('faulted'), mismatched: sum('mismatched') };
}

/** One event a line, so that a person can look at the file too. */
async function* textOf(events: AsyncIterable<TraceEvent>): AsyncGenerator<string> {
  const LINES = 256;
  let lines: string[] = [];
  let separator = '{"displayTimeUnit":"ms","traceEvents":[\n';
  for await (const event of events) {
    lines.push(`${separator}${JSON.stringify(event)}`);
    separator = ',\n';
    if (lines.length < LINES) continue;
    yield lines.join('');
    lines = [];
  }
  yield `${lines.join('')}${separator.startsWith('{') ? separator : ''}\n]}\n`;
}
