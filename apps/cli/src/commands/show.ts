import type { Command } from 'commander';
import { wordsOf } from '@steward/domain';
import { POSITION_FORMS } from '@steward/replay';
import { hex64 } from '@steward/smmu';
import type { StoredCommit, StoredEffect, StoredEvent } from '@steward/ledger';
import { decodeEntry, ENTRY_WORDS, oneLine } from '../decoded';
import type { Decoded, EntryKind } from '../decoded';
import { CliError, EXIT } from '../exit-codes';
import { positionOf, withReadModels } from '../ledger-access';
import { withLedgerOption } from '../options';
import { colour, print, printJson } from '../output';

/** What the bulk words of an event or effect are, where they are entries of the architecture. */
const ENTRIES: Readonly<Record<string, EntryKind>> = {
  GuestCommandsQueued: 'cmd',
  GuestInvalidationsForwarded: 'cmd',
  GuestEventRecorded: 'event',
  'ste-at-sync': 'ste',
  commands: 'cmd',
  'command-error': 'cmd',
  'hardware-event': 'event',
  'guest-event': 'event',
  'guest-event-lost': 'event',
  'page-fault': 'event',
};

export function showCommand(program: Command): void {
  withLedgerOption(program.command('show'))
    .description('one commit: its command, events and effects, words decoded')
    .argument('<position>', POSITION_FORMS)
    .action((position: string, flags: { ledger: string; json?: boolean }) => run(position, flags));
}

async function run(text: string, flags: { ledger: string; json?: boolean }): Promise<void> {
  await withReadModels(flags.ledger, async ({ ledger, readModels }) => {
    const position = await positionOf(text, ledger);
    const commit = await ledger.commit(position);
    if (commit === undefined) throw new CliError(EXIT.notFound, `no commit ${text}`);
    const effects = [...readModels.effects.read(position)];
    if (flags.json) printJson(jsonOf(commit, effects));
    else printCommit(commit, effects);
  });
}

function jsonOf(commit: StoredCommit, effects: readonly StoredEffect[]): object {
  const { commandWords, events, ...rest } = commit;
  return {
    ...rest,
    ...(commandWords && { commandWords: hexWords(commandWords) }),
    events: events.map(({ words, ...event }) => ({ ...event, ...bulk(event.type, words) })),
    effects: effects.map(({ words, ...effect }) => ({ ...effect, ...bulk(effect.kind, words) })),
  };
}

function bulk(what: string, words: Uint8Array | undefined): object {
  if (words === undefined) return {};
  const decoded = entriesIn(what, words);
  return { words: hexWords(words), ...(decoded.length > 0 && { decoded }) };
}

function hexWords(bytes: Uint8Array): string[] {
  return Array.from(wordsOf(bytes), hex64);
}

function entriesIn(what: string, bytes: Uint8Array): Decoded[] {
  const kind = ENTRIES[what];
  if (kind === undefined) return [];
  const words = Array.from(wordsOf(bytes));
  const size = ENTRY_WORDS[kind];
  return Array.from({ length: words.length / size }, (_, i) =>
    decodeEntry(kind, words.slice(i * size, (i + 1) * size)),
  );
}

function printCommit(commit: StoredCommit, effects: readonly StoredEffect[]): void {
  const { position, host, at, actor, commandId, command, outcome } = commit;
  print(colour.bold(`commit ${position}`) + `  ${commit.hash}`);
  print(`host ${host}   at ${at}   actor ${actor}   command ${commandId}`);
  if (commit.causationId) print(`caused by commit ${commit.causationId}`);
  print(`command   ${JSON.stringify(command)}`);
  const refusal = outcome.ok ? '' : `${outcome.errno} (${outcome.code}): ${outcome.reason}`;
  print(`outcome   ${outcome.ok ? colour.green('accepted') : colour.red(`refused ${refusal}`)}`);
  for (const event of commit.events) printEvent(event);
  for (const { idx, kind, payload, words } of effects) {
    print(`effect ${idx}  ${colour.bold(kind)} ${JSON.stringify(payload)}`);
    if (words) printEntries(kind, words);
  }
}

function printEvent({ idx, stream, version, type, payload, words }: StoredEvent): void {
  print(`event ${idx}   ${colour.bold(type)} ${stream}@${version} ${JSON.stringify(payload)}`);
  if (words) printEntries(type, words);
}

const WORDS_A_LINE = 4;

function printEntries(what: string, bytes: Uint8Array): void {
  const decoded = entriesIn(what, bytes);
  for (const entry of decoded) {
    for (let i = 0; i < entry.words.length; i += WORDS_A_LINE) {
      const line = entry.words.slice(i, i + WORDS_A_LINE).join(' ');
      print(`    ${line}${i === 0 ? `  ${oneLine(entry)}` : ''}`);
    }
  }
  if (decoded.length > 0) return;
  const words = hexWords(bytes);
  for (let i = 0; i < words.length; i += WORDS_A_LINE) {
    print(`    ${words.slice(i, i + WORDS_A_LINE).join(' ')}`);
  }
}
