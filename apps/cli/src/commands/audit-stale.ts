import { entryText, explainViolation } from '@steward/audit';
import type { FindingView, ViolationView } from '@steward/audit';
import { brokenRules } from '@steward/machine';
import { staleHistory } from '@steward/replay';
import type { StaleSummary } from '@steward/replay';
import { decodeEntry, oneLine } from '../decoded';
import { CliError, EXIT } from '../exit-codes';
import { positionOf, withReadModels } from '../ledger-access';
import type { OpenLedger } from '../ledger-access';
import { colour, print, printJsonLine, say } from '../output';
import { progressBar } from '../progress';

export interface StaleFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly vm?: string;
  readonly at?: string;
  readonly since?: string;
}

/** `audit stale`: stale windows and stale uses, and a page on every rule that was broken. */
export async function stale(flags: StaleFlags): Promise<void> {
  await withReadModels(flags.ledger, async (open) => {
    const until = await positionOf(flags.at ?? 'latest', open.ledger);
    const since = await positionOf(flags.since ?? '1', open.ledger);
    if (since > until)
      throw new CliError(EXIT.usage, `--since ${since} lies behind commit ${until}`);
    const bar = progressBar('replaying');
    const progress = (position: number): void => bar.update(position, until);
    const history = staleHistory(open, { since, until, progress });
    const isWanted = (finding: FindingView): boolean =>
      flags.vm === undefined || finding.kind === 'violation' || finding.vm === flags.vm;
    for (;;) {
      const next = await history.next();
      if (next.done === true) {
        bar.stop();
        conclude(next.value, since, flags);
        return;
      }
      if (!isWanted(next.value)) continue;
      if (flags.json) printJsonLine(next.value);
      else await printFinding(next.value, open);
    }
  });
}

function conclude({ position, totals }: StaleSummary, since: number, { json }: StaleFlags): void {
  const broken = brokenRules(totals);
  const { uses, guestWindows, guestWindowsOpen, latentWindows } = totals;
  if (broken + uses > 0) process.exitCode = EXIT.incoherent;
  const range = since === 1 ? `up to commit ${position}` : `commits ${since} to ${position}`;
  const text = `${range}: ${broken} rules broken, ${uses} stale uses, ${guestWindows} windows of guests (${guestWindowsOpen} open), ${latentWindows} latent`;
  if (json) say(text);
  else print(broken + uses > 0 ? colour.red(text) : colour.green(text));
}

async function printFinding(finding: FindingView, open: OpenLedger): Promise<void> {
  switch (finding.kind) {
    case 'violation':
      for (const line of await explained(finding, open)) print(line);
      return;
    case 'use': {
      const { at, device, iova, write, opened } = finding;
      const what = `${device} ${write ? 'wrote' : 'read'} ${iova}`;
      print(
        colour.red(`commit ${at.position}: ${what} by an entry stale since ${opened.position}`),
      );
      print(`  ${entryText(finding.entry)}`);
      return;
    }
    case 'window': {
      const { owner, vm, opened, closed, entries, uses, smmu, latent } = finding;
      const whose = owner === 'host' ? 'host' : `guest ${vm}`;
      const end =
        closed === null ? 'open' : `to ${closed.position} by ${closed.by?.name ?? closed.event}`;
      const kind = latent ? ', latent' : '';
      print(
        `commits ${opened.position} ${end}: ${whose}${kind}, ${smmu}, ${entries} entries, ${uses} uses`,
      );
      for (const entry of finding.examples.slice(0, 1)) print(colour.dim(`  ${entryText(entry)}`));
    }
  }
}

/** The page on one broken rule. */
export async function explained(violation: ViolationView, open: OpenLedger): Promise<string[]> {
  const { position } = violation.at;
  const { ledger, readModels } = open;
  for await (const commit of ledger.commits({ after: position - 1, until: position })) {
    const { actor, command, commandId } = commit;
    const issued: string[] = [];
    for (const { kind, payload, words } of readModels.effects.read(position)) {
      if (kind !== 'commands' || payload['smmu'] !== violation.smmu || words === undefined)
        continue;
      issued.push(...commandLines(words));
    }
    return explainViolation(violation, {
      actor,
      command: String(command['type']),
      commandId,
      issued,
    });
  }
  return [];
}

function commandLines(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / 16 }, (_, i) => {
    const words = [view.getBigUint64(i * 16, true), view.getBigUint64(i * 16 + 8, true)];
    return oneLine(decodeEntry('cmd', words));
  });
}
