import { cachedEntryView, entryText, type CachedQuestion } from '@steward/audit';
import type { WhyCached } from '@steward/replay';
import { hex64 } from '@steward/smmu';
import { colour, print } from '../output';
import { printChain } from './why-report';

type Word = WhyCached['entries'][number]['words'][number];
type Change = Word['made'];

export function cachedDocument(found: WhyCached, question: CachedQuestion, at: number): object {
  const { host, smmu, entries, chains } = found;
  const { device, iova } = question;
  const change = (one: Change) => one && { ...one, before: hex64(one.before) };
  return {
    position: at,
    question: { kind: 'cached', device, ...(iova !== undefined && { iova: hex(iova) }) },
    ...{ host, smmu },
    entries: entries.map(({ entry, stale, words }) => ({
      ...{ entry: cachedEntryView(entry), stale },
      words: words.map(({ pa, word, now, made, changed }) => ({
        ...{ pa: hex(pa), word: hex64(word), now: hex64(now) },
        ...{ made: change(made), changed: change(changed) },
      })),
    })),
    chains: Object.fromEntries(chains),
  };
}

export function printCached(found: WhyCached, { device, iova }: CachedQuestion, at: number): void {
  const what = iova === undefined ? device : `${hex(iova)} of ${device}`;
  print(colour.bold(`what ${found.smmu} has cached for ${what} after commit ${at}`));
  for (const { entry, stale, words } of found.entries) {
    print(`${entryText(cachedEntryView(entry))}${stale ? colour.red('  stale') : ''}`);
    for (const word of words) {
      print(`  ${hex(word.pa)}  ${hex64(word.word)}  ${since(word.made)}`);
      if (word.changed !== null) {
        print(colour.red(`    now ${hex64(word.now)}, since ${word.changed.position}`));
      }
    }
  }
  for (const [position, chain] of [...found.chains].sort(([a], [b]) => b - a)) {
    print();
    print(`commit ${position} wrote ${wordsBy(found, position)}:`);
    printChain(chain);
  }
}

function since(made: Change): string {
  if (made === null) return 'as memory was at the start';
  return `since ${made.position} (${made.byHardware ? 'the SMMU, during ' : ''}${made.event})`;
}

/** Addresses of the words that a commit wrote. */
function wordsBy({ entries }: WhyCached, position: number): string {
  const written = entries.flatMap(({ words }) =>
    words.filter((word) => word.made?.position === position || word.changed?.position === position),
  );
  return [...new Set(written.map(({ pa }) => hex(pa)))].join(', ');
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
