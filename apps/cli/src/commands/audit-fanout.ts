import { entryText, fanOutOf, noFanOut } from '@steward/audit';
import type { Batch, FannedCommand, FanOut, ViolationView } from '@steward/audit';
import { staleHistory } from '@steward/replay';
import { decodeEntry, oneLine } from '../decoded';
import { CliError, EXIT } from '../exit-codes';
import { positionOf, withReadModels, type OpenLedger } from '../ledger-access';
import { colour, print, printJsonLine } from '../output';
import { progressBar } from '../progress';

export interface FanOutFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly position?: string;
  readonly since?: string;
  readonly missing?: boolean;
}

/** `audit fanout`: every commit of the range whose effects hold SMMU commands. */
export async function fanOut(flags: FanOutFlags): Promise<void> {
  if (flags.position !== undefined && flags.since !== undefined) {
    throw new CliError(EXIT.usage, '--position and --since exclude each other');
  }
  await withReadModels(flags.ledger, async (open) => {
    const { ledger, readModels } = open;
    const first = await positionOf(flags.position ?? flags.since ?? '1', ledger);
    const until = flags.position === undefined ? await ledger.latest() : first;
    const missing = flags.missing ? await missingIn(open, first, until) : undefined;
    let shown = 0;
    for await (const commit of ledger.commits({ after: first - 1, until })) {
      const lacking = missing?.get(commit.position) ?? [];
      const seen = fanOutOf(commit, [...readModels.effects.read(commit.position)]);
      const found = seen ?? (lacking.length > 0 ? noFanOut(commit) : undefined);
      if (found === undefined) continue;
      shown++;
      if (flags.json) printJsonLine(missing === undefined ? found : { ...found, missing: lacking });
      else printFanOut(found, lacking);
    }
    if (shown === 0 && !flags.json) print('no commit of the range put a command on an SMMU');
  });
}

/** What each commit owed and did not do, as the coherence checker finds it: by commit. */
async function missingIn(
  open: OpenLedger,
  since: number,
  until: number,
): Promise<ReadonlyMap<number, readonly ViolationView[]>> {
  const found = new Map<number, ViolationView[]>();
  const bar = progressBar('replaying');
  const progress = (position: number): void => bar.update(position, until);
  for await (const finding of staleHistory(open, { since, until, progress })) {
    if (finding.kind !== 'violation') continue;
    const { position } = finding.at;
    found.set(position, [...(found.get(position) ?? []), finding]);
  }
  bar.stop();
  return found;
}

function printFanOut(found: FanOut, missing: readonly ViolationView[]): void {
  const { position, cause, actor, causationId, totals, smmus } = found;
  const by = causationId === null ? '' : `, caused by commit ${causationId}`;
  print(`${colour.bold(`commit ${position}`)}  ${cause} by ${actor}${by}`);
  for (const { smmu, batches } of smmus) for (const batch of batches) printBatch(smmu, batch);
  for (const violation of missing) printMissing(violation);
  const { invalidations, redundant, syncs } = totals;
  const idle = redundant === 0 ? '' : `, ${redundant} found nothing to remove`;
  const gone = removedText(totals.removed);
  print(`  ${invalidations} invalidations${idle}; ${syncs} CMD_SYNC${gone && `; ${gone}`}`);
}

function printMissing({ rule, by, smmu, left, leftCount, tag }: ViolationView): void {
  const tagged = tag === null ? '' : `, ${tag.entries} entries under ${tag.kind} ${tag.id}`;
  const count = leftCount === 0 ? '' : `, ${leftCount} entries left`;
  print(colour.red(`  MISSING on ${smmu}: ${rule} (${by}${count}${tagged})`));
  for (const entry of left) print(colour.red(`    ${entryText(entry)}`));
}

function printBatch(smmu: string, { commands, stes, synced }: Batch): void {
  // A prefetch is a hint and waits for nothing (IHI 0070 §4.2).
  const open = !synced && commands.some(({ name }) => !name.startsWith('CMD_PREFETCH'));
  print(`  ${smmu}${open ? colour.yellow('  not closed by a CMD_SYNC') : ''}`);
  for (const { streamId, words } of stes) {
    const line = oneLine(decodeEntry('ste', words.map(BigInt)));
    print(colour.dim(`    StreamID 0x${streamId.toString(16)}: ${line}`));
  }
  for (const command of commands) print(`    ${commandLine(command)}`);
}

function commandLine({ words, origin, removed, redundant }: FannedCommand): string {
  const line = oneLine(decodeEntry('cmd', words.map(BigInt)));
  const effect = redundant ? colour.dim('nothing to remove') : removedText(removed);
  return `${words.join(' ')}  ${line}${origin === 'guest' ? '  (guest)' : ''}  ${effect}`.trimEnd();
}

function removedText(removed: FannedCommand['removed']): string {
  const parts = Object.entries(removed).map(([kind, n]) => `${n} ${kind}`);
  return parts.length === 0 ? '' : `removed ${parts.join(', ')}`;
}
