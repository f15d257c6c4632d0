import { entryText, explainViolation } from '@steward/audit';
import { z } from 'zod';
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
import { StateFile } from '../state-file';

export interface StaleFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly vm?: string;
  readonly at?: string;
  readonly since?: string;
  readonly state?: string;
}

const DONE = z.object({ done: z.int().nonnegative() });
/** Commits after which it is kept anew how far it is. */
const KEPT_EVERY = 1024;

/** `audit stale`: stale windows and stale uses, and a page on every rule that was broken. */
export async function stale(flags: StaleFlags): Promise<void> {
  await withReadModels(flags.ledger, async (open) => {
    const until = await positionOf(flags.at ?? 'latest', open.ledger);
    const since = await positionOf(flags.since ?? '1', open.ledger);
    if (since > until)
      throw new CliError(EXIT.usage, `--since ${since} lies behind commit ${until}`);
    const question = { ledger: flags.ledger, since, until, vm: flags.vm ?? '' };
    const state = new StateFile(flags.state, question, { what: 'stale audit', schema: DONE });
    const from = Math.max(since, (state.read()?.done ?? 0) + 1);
    if (from > since) say(`going on at commit ${from}`);
    const bar = progressBar('replaying');
    let told = false;
    const progress = (position: number): void => {
      bar.update(position, until);
      if (told || position % KEPT_EVERY === 0) state.keep({ done: position });
      told = false;
    };
    const history = staleHistory(open, { since, from, until, progress });
    for (;;) {
      const next = await history.next();
      if (next.done === true) {
        bar.stop();
        state.remove();
        conclude(next.value, since, flags);
        return;
      }
      if (!isWanted(next.value, flags)) continue;
      told = true;
      if (flags.json) printJsonLine(next.value);
      else await printFinding(next.value, open);
    }
  });
}

function isWanted(finding: FindingView, { vm }: StaleFlags): boolean {
  return vm === undefined || finding.kind === 'violation' || finding.vm === vm;
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
