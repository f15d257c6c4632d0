import { Argument } from 'commander';
import type { Command } from 'commander';
import { decodeEntry, ENTRY_WORDS } from '../decoded';
import type { EntryKind } from '../decoded';
import { CliError, EXIT } from '../exit-codes';
import { withJsonOption } from '../options';
import { colour, print, printJson, printTable } from '../output';

export function decodeCommand(program: Command): void {
  const kinds = Object.keys(ENTRY_WORDS);
  withJsonOption(program.command('decode'))
    .description('explain an STE, CD, command or event record; needs no ledger')
    .addArgument(new Argument('<kind>', 'what the words are').choices(kinds))
    .argument('<word...>', '64-bit words in hex, lowest first; missing ones are zero')
    .action((kind: EntryKind, texts: string[], flags: { json?: boolean }) => {
      const words = texts.map(parseWord);
      const size = ENTRY_WORDS[kind];
      if (words.length > size) {
        throw new CliError(EXIT.usage, `${words.length} words given, a ${kind} has ${size}`);
      }
      while (words.length < size) words.push(0n);
      const decoded = decodeEntry(kind, words);
      if (flags.json) {
        printJson({ kind, ...decoded });
        return;
      }
      print(`${colour.bold(decoded.name)}  (${decoded.section})`);
      decoded.words.forEach((word, i) => print(`  word ${i}  ${word}`));
      printTable(
        ['bits', 'field', 'value', 'meaning'],
        decoded.fields
          .filter((f) => f.value !== '0x0' || f.meaning !== undefined)
          .map((f) => [f.bits, f.name, f.value, f.meaning ?? '']),
      );
      decoded.reserved.forEach((word, i) => {
        if (BigInt(word) !== 0n) print(`reserved bits set in word ${i}: ${word}`);
      });
    });
}

function parseWord(text: string): bigint {
  const digits = text.replace(/^0x/i, '').replaceAll('_', '');
  if (!/^[0-9a-f]{1,16}$/i.test(digits)) {
    throw new CliError(EXIT.usage, `"${text}" is not a 64-bit word in hex`);
  }
  return BigInt(`0x${digits}`);
}
