import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { descriptorShape, type DescriptorPlace, type DescriptorShape } from '@steward/smmu';
import { withMeanings } from '../decode/meanings';
import { smmuOf, withSmmuOptions, type SmmuRegisters } from '../decode/smmu-registers';
import { verdictOf, type Verdict } from '../decode/verdict';
import { decodeEntry, ENTRY_WORDS, type Decoded, type EntryKind } from '../decoded';
import { CliError, EXIT } from '../exit-codes';
import { withJsonOption } from '../options';
import { colour, print, printJson, printTable } from '../output';

interface Flags extends SmmuRegisters {
  readonly json?: boolean;
  readonly granule: DescriptorPlace['granule'];
  readonly level?: string;
}

const DESCRIPTORS: ReadonlySet<EntryKind> = new Set(['table', 's1leaf', 's2leaf']);

export function decodeCommand(program: Command): void {
  const kinds = Object.keys(ENTRY_WORDS);
  withSmmuOptions(withJsonOption(program.command('decode')))
    .description('explain an entry, and whether it would be legal on an SMMU; needs no ledger')
    .addArgument(new Argument('<kind>', 'what the words are').choices(kinds))
    .argument('<word...>', '64-bit words in hex, lowest first; missing ones are zero')
    .addOption(
      new Option('--granule <size>', 'of a descriptor').choices(['4k', '16k', '64k']).default('4k'),
    )
    .addOption(
      new Option('--level <n>', 'of a descriptor (default: 3 for a page, otherwise 2)').choices([
        ...['0', '1', '2', '3'],
      ]),
    )
    .action((kind: EntryKind, texts: string[], flags: Flags) => {
      const words = wordsOf(kind, texts);
      const smmu = smmuOf(flags);
      const place = placeOf(kind, words[0]!, flags);
      const decoded = withMeanings(kind, decodeEntry(kind, words));
      const verdict = verdictOf(kind, words, { smmu, place });
      const shape = DESCRIPTORS.has(kind) ? descriptorShape(words[0]!, place, smmu) : undefined;
      const descriptor = shape === undefined ? undefined : descriptorOf(shape, place);
      if (flags.json) {
        printJson({ kind, ...decoded, legality: verdict ?? null, descriptor: descriptor ?? null });
        return;
      }
      printEntry(decoded);
      if (descriptor !== undefined) {
        const { address = 'nothing', size, ...where } = descriptor;
        const at = `${where.kind} at level ${where.level} (${where.granule}), ${size}`;
        print(`${at}, ${where.kind === 'table' ? 'next table' : 'output'} ${address}`);
      }
      if (verdict !== undefined) print(sentence(verdict));
    });
}

function wordsOf(kind: EntryKind, texts: readonly string[]): bigint[] {
  const words = texts.map(parseWord);
  const size = ENTRY_WORDS[kind];
  if (words.length > size) {
    const most = size === 1 ? '1 word' : `at most ${size} words`;
    throw new CliError(EXIT.usage, `${words.length} words given: ${kind} has ${most} of 64 bits`);
  }
  while (words.length < size) words.push(0n);
  return words;
}

function parseWord(text: string, index: number): bigint {
  const digits = text.replace(/^0x/i, '').replaceAll('_', '');
  if (!/^[0-9a-f]{1,16}$/i.test(digits)) {
    throw new CliError(EXIT.usage, `word ${index}: "${text}" is not a 64-bit word in hex`);
  }
  return BigInt(`0x${digits}`);
}

/** Type=1 in a leaf is a page, which only level 3 has; all granules have blocks and tables at level 2. */
function placeOf(kind: EntryKind, word: bigint, { granule, level }: Flags): DescriptorPlace {
  const usual = kind !== 'table' && (word & 2n) !== 0n ? 3 : 2;
  return { granule, level: level === undefined ? usual : (Number(level) as 0 | 1 | 2 | 3) };
}

interface PlacedDescriptor extends DescriptorPlace {
  readonly kind: DescriptorShape['kind'];
  readonly address?: string;
  readonly size: string;
}

function descriptorOf(shape: DescriptorShape, place: DescriptorPlace): PlacedDescriptor {
  const { kind, address, sizeLog2 } = shape;
  const at = address === undefined ? {} : { address: `0x${address.toString(16)}` };
  return { kind, ...place, ...at, size: bytesOf(sizeLog2) };
}

function bytesOf(log2: number): string {
  const unit = Math.floor(log2 / 10);
  return `${2 ** (log2 % 10)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}

function printEntry(decoded: Decoded): void {
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
}

function sentence({ legal, consequence, about, why, section }: Verdict): string {
  if (legal) return `legal (${section})`;
  const end = consequence === undefined ? '' : ` → ${consequence}`;
  return `not legal: ${about}: ${why}${end} (${section})`;
}
