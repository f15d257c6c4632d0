import { existsSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Recording } from '@steward/guest';
import type { RunTotals, Scenario } from '@steward/control';
import { hasStage1, parseRecording, UnplayableRecording } from '@steward/guest';
import { replay } from '@steward/replay';
import type { ReplayResult } from '@steward/replay';
import type { Ledger, Verification } from '@steward/ledger';
import { CliError, EXIT } from '../exit-codes';
import { readJson, readText } from '../files';
import { withControl, withLedger } from '../ledger-access';
import { printJson, say } from '../output';
import { progressBar } from '../progress';
import { nonNegativeInteger, positiveInteger, withLedgerOption } from '../options';
import { signWhileAppending } from './evidence';
import { printRunReport } from '../reports/run-report';

interface RunFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly guests?: number;
  readonly seed?: number;
  readonly append?: boolean;
  readonly quiet?: boolean;
  readonly check?: boolean;
  readonly checkpointKey?: string;
  readonly checkpointEvery: number;
}

/** Everything `run --json` prints. */
export interface RunReport {
  readonly scenario: string;
  readonly seed: number;
  readonly guests: number;
  readonly commits: number;
  readonly events: number;
  readonly position: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly ledgerBytes: number;
  readonly attaches: number;
  readonly rejected: number;
  readonly dma: RunTotals['effects']['dma'];
  readonly invalidations: {
    readonly guest: number;
    readonly host: number;
    readonly hardware: number;
    readonly guestByKind: Readonly<Record<string, number>>;
    readonly hardwareByKind: Readonly<Record<string, number>>;
    readonly removedEntries: RunTotals['effects']['removed'];
  };
  readonly stes: { readonly compared: number; readonly mismatched: number };
  readonly stale: RunTotals['stale'];
  readonly digest: string;
  readonly replay?: ReplayResult;
  readonly verify?: Verification;
}

export function runCommand(program: Command): void {
  withLedgerOption(program.command('run'))
    .description('play a scenario on a new ledger and report what happened')
    .argument('<scenario>', 'YAML file, e.g. scenarios/linux-guests.yaml')
    .option('--guests <n>', 'number of guests: the listed ones, repeated or cut', positiveInteger)
    .option('--seed <s>', 'seed of the interleaving and of the RAM layout', nonNegativeInteger)
    .option('--append', 'go on in a ledger that already holds commits')
    .option('--quiet', 'no report, only the exit code (with --json: the document)')
    .option('--checkpoint-key <file>', 'sign checkpoints beside the ledger with this key')
    .option('--checkpoint-every <n>', 'commits between two checkpoints', positiveInteger, 1000)
    .option('--check', 'afterwards replay the log and verify its hash chain')
    .action((scenario: string, flags: RunFlags) => run(scenario, flags));
}

async function run(file: string, flags: RunFlags): Promise<void> {
  const { parseScenario, ScenarioRunner, withGuests } = await import('@steward/control');
  // All input is read before the ledger is touched: a bad file leaves no half-written ledger behind.
  const parsed = parseScenario(readText(file, 'scenario'), file);
  const scenario = flags.guests === undefined ? parsed : withGuests(parsed, flags.guests);
  const recordings = loadRecordings(scenario, dirname(file));
  await refuseFilledLedger(flags);
  const seed = flags.seed ?? scenario.seed;
  const start = { wall: performance.now(), cpu: process.cpuUsage() };
  const bar = progressBar('playing');
  const { totals, wallMs, cpuMs } = await withControl(flags.ledger, 'create', async (app, open) => {
    const runner = app.get(ScenarioRunner);
    const stopSigning = await signing(open.ledger, flags);
    const done = await runner
      .run(scenario, recordings, { seed, progress: bar.update })
      .finally(stopSigning);
    const cpu = process.cpuUsage(start.cpu);
    const wall = Math.round(performance.now() - start.wall);
    return { totals: done, wallMs: wall, cpuMs: Math.round((cpu.user + cpu.system) / 1000) };
  }).finally(bar.stop);
  const checks = flags.check ? await check(flags.ledger) : {};
  const report = { ...reportOf(scenario, totals, flags.ledger), seed, wallMs, cpuMs, ...checks };
  if (flags.json) printJson(report);
  else if (!flags.quiet) printRunReport(report, scenario.guests);
  for (const line of totals.effects.mismatches.slice(0, 10)) say(`mismatch: ${line}`);
  for (const { device, expected, actual } of totals.stes.mismatches.slice(0, 10)) {
    say(`STE of ${device}: expected ${expected}, in force ${actual}`);
  }
  if (isIncoherent(report.stale)) say(`what it was: steward audit stale --ledger ${flags.ledger}`);
  judge(report);
}

async function signing(
  ledger: Ledger,
  flags: RunFlags,
): Promise<(() => Promise<void>) | undefined> {
  const { checkpointKey: key, checkpointEvery: every } = flags;
  return key === undefined ? undefined : signWhileAppending(ledger, flags.ledger, { key, every });
}

function judge(report: RunReport): void {
  if (report.verify?.ok === false) process.exitCode = EXIT.tampered;
  else if (report.replay?.diverged) process.exitCode = EXIT.diverged;
  else if (isIncoherent(report.stale)) process.exitCode = EXIT.incoherent;
  else if (report.dma.mismatched > 0 || report.stes.mismatched > 0) process.exitCode = EXIT.failed;
}

/** Somebody left something behind that is theirs to remove, or an access met a stale entry, whoever's. */
function isIncoherent(stale: RunReport['stale']): boolean {
  const { hostWindows, notSynced, tagsNotFlushed, notCarriedOut, uses } = stale;
  return hostWindows + notSynced + tagsNotFlushed + notCarriedOut + uses > 0;
}

async function check(ledger: string): Promise<Pick<RunReport, 'replay' | 'verify'>> {
  return withLedger(ledger, 'read', async (open) => {
    const bar = progressBar('replaying');
    const latest = await open.ledger.latest();
    const progress = (position: number): void => bar.update(position, latest);
    const replayed = await replay(open.ledger, open.readModels.digests, { progress });
    bar.stop();
    return { replay: replayed, verify: await open.ledger.verify() };
  });
}

function loadRecordings(scenario: Scenario, folder: string): Recording[] {
  const loaded = new Map<string, Recording>();
  return scenario.guests.map(({ name, recording: path }) => {
    const file = resolve(folder, path);
    const known = loaded.get(file);
    if (known !== undefined) return known;
    const recording = parseRecordingFile(file);
    if (!recording.playable) {
      const why = `guest ${name}: ${basename(file)} was imported without its raw commands (--cmdq)`;
      throw new UnplayableRecording('recording.not-playable', why);
    }
    if (!hasStage1(recording)) {
      const why = `guest ${name}: the SMMU of ${basename(file)} has no stage 1 (IDR0.S1P = 0), so it cannot be nested`;
      throw new UnplayableRecording('recording.no-stage-1', why);
    }
    loaded.set(file, recording);
    return recording;
  });
}

function parseRecordingFile(file: string): Recording {
  const json = readJson(file, 'recording');
  try {
    return parseRecording(json);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CliError(EXIT.failed, `${file}: ${error.message}`);
  }
}

async function refuseFilledLedger(flags: RunFlags): Promise<void> {
  if (flags.append || !existsSync(flags.ledger)) return;
  const latest = await withLedger(flags.ledger, 'read', (open) => open.ledger.latest());
  if (latest === 0) return;
  const how = 'use --append to go on in it, or --ledger FILE for a new one';
  throw new CliError(EXIT.refused, `${flags.ledger} holds ${latest} commits: ${how}`);
}

function reportOf(
  scenario: Scenario,
  totals: RunTotals,
  ledger: string,
): Omit<RunReport, 'seed' | 'wallMs' | 'cpuMs'> {
  const { commits, events, position, attaches, rejected, digest, effects } = totals;
  return {
    scenario: scenario.name,
    guests: scenario.guests.length,
    ...{ commits, events, position, attaches, rejected },
    rssBytes: process.memoryUsage.rss(),
    ledgerBytes: bytesOnDisk(ledger),
    dma: effects.dma,
    invalidations: {
      guest: totals.guestInvalidations,
      ...effects.invalidations,
      guestByKind: Object.fromEntries(totals.guestCommands),
      hardwareByKind: Object.fromEntries(effects.consumed),
      removedEntries: effects.removed,
    },
    stes: { compared: totals.stes.compared, mismatched: totals.stes.mismatches.length },
    stale: totals.stale,
    digest,
  };
}

function bytesOnDisk(ledger: string): number {
  return ['', '-wal']
    .map((suffix) => `${ledger}${suffix}`)
    .filter((file) => existsSync(file))
    .reduce((sum, file) => sum + statSync(file).size, 0);
}
