import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { FIRST_WORDS, program } from '../../apps/cli/src/program';
import { projectRoot } from '../conformance/project-root';

const PAGES = join(projectRoot(), 'docs/cli');
const GLOBAL = ['--help', '--version'];

/** Each `bin/steward …` of a page's examples. */
function examplesOf(page: string): string[] {
  const text = readFileSync(join(PAGES, page), 'utf8');
  const blocks = [...text.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  return blocks.flatMap((block) => block.match(/bin\/steward [^|;>"')\n]*/g) ?? []);
}

/** The command that words lead to, and the words that are left. */
function commandOf(
  steward: Command,
  words: readonly string[],
): readonly [Command, readonly string[]] {
  let command = steward;
  let at = 0;
  for (; at < words.length; at++) {
    const next = command.commands.find((one) => one.name() === words[at]);
    if (next === undefined) break;
    command = next;
  }
  return [command, words.slice(at)];
}

function leavesOf(command: Command, path: readonly string[] = []): string[] {
  if (command.commands.length === 0) return [path.join(' ')];
  return command.commands.flatMap((one) => leavesOf(one, [...path, one.name()]));
}

let steward: Command;
beforeAll(async () => {
  steward = await program();
});

it('loads one module for each first word, and all of its commands', async () => {
  const namesOf = ({ commands }: Command): string[] => commands.map((command) => command.name());
  expect(namesOf(steward)).toEqual(FIRST_WORDS);
  for (const word of FIRST_WORDS) {
    const names = namesOf(await program(word));
    expect(names).toContain(word);
    expect(names.length).toBeLessThan(FIRST_WORDS.length);
  }
  expect(namesOf(await program('nonsense'))).toEqual(FIRST_WORDS);
});

describe('the pages on the command line', () => {
  const pages = readdirSync(PAGES).filter((page) => page.endsWith('.md'));
  const examples = pages.flatMap(examplesOf);

  it('have examples of every command', () => {
    const shown = new Set(
      examples.map((example) => {
        const words = example.split(/\s+/).slice(1);
        const [, rest] = commandOf(steward, words);
        return words.slice(0, words.length - rest.length).join(' ');
      }),
    );
    expect(leavesOf(steward).filter((leaf) => !shown.has(leaf))).toEqual([]);
  });

  it.each(examples)('name a command and options that there are: %s', (example) => {
    const [command, rest] = commandOf(steward, example.trim().split(/\s+/).slice(1));
    expect(command.commands).toEqual([]);
    const known = [...command.options.map(({ long }) => long ?? ''), ...GLOBAL];
    expect(rest.filter((word) => /^--[a-z]/.test(word) && !known.includes(word))).toEqual([]);
  });
});
