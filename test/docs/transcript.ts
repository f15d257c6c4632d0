/** A command of a document, with what the document says it prints. */
export interface Transcript {
  readonly command: string;
  /** Lines; `…` alone stands for any lines, inside a line for any text. */
  readonly output: readonly string[];
  readonly exit: number;
}

/** The commands of a document's `console` blocks, in order: `$ COMMAND`, its output, `[exit N]` if not 0. */
export function transcriptsOf(markdown: string): Transcript[] {
  const transcripts: Transcript[] = [];
  for (const [, block = ''] of markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)) {
    for (const part of block.split(/^\$ /m).slice(1)) {
      const [command = '', ...lines] = part.trimEnd().split('\n');
      const exit = /^\[exit (\d+)\]$/.exec(lines.at(-1) ?? '')?.[1];
      const output = exit === undefined ? lines : lines.slice(0, -1);
      transcripts.push({ command, output, exit: Number(exit ?? 0) });
    }
  }
  return transcripts;
}

/** Why what was printed is not what a transcript says; undefined where it is. */
export function mismatch(printed: string, output: readonly string[]): string | undefined {
  const lines = printed.trimEnd().split('\n');
  let at = 0;
  let skips = false;
  for (const expected of output) {
    if (expected.trim() === '…') {
      skips = true;
      continue;
    }
    const found = lines.findIndex((line, i) => i >= at && matches(line, expected));
    if (found < 0 || (!skips && found !== at))
      return `expected "${expected}", printed "${lines[at]}"`;
    at = found + 1;
    skips = false;
  }
  return skips || at >= lines.length ? undefined : `printed beyond the transcript: "${lines[at]}"`;
}

function matches(line: string, expected: string): boolean {
  const parts = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(line.trimEnd());
}
