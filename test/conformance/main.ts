import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Argument, Command, CommanderError } from 'commander';
import { isKernelFile, runKernelSuite } from './kernel/suite';
import { runSmmuVectors } from './smmu/vectors';
import type { SuiteResult } from './suite-result';
import { playNested } from './traces/play';
import { playBare } from './traces/play-bare';
import { runTraceSuite } from './traces/suite';

const EXIT = { failed: 1, usage: 2, notFound: 3 } as const;

interface Flags {
  readonly json?: boolean;
  readonly only?: string;
  readonly verbose?: boolean;
}

/** What a suite answers, `seconds` and `disputed` aside. */
interface NamedResult extends SuiteResult {
  readonly suite: string;
  readonly files: number;
}

type Suite = (paths: readonly string[], flags: Flags) => Promise<NamedResult>;

const SUITES: Readonly<Record<string, Suite>> = {
  smmu: async (paths, flags) => {
    const files = filesIn(paths, /\.jsonl(\.gz)?$/).map((file) => ({
      name: basename(file),
      lines: textOf(file).split('\n'),
    }));
    const { only, verbose } = flags;
    const options = { ...(only !== undefined && { only }), ...(verbose && { verbose }) };
    return { suite: 'smmu', files: files.length, ...runSmmuVectors(files, options) };
  },
  kernel: async (paths, { only }) => {
    const contents = filesIn(paths, /\.json(\.gz)?$/).map((file) => ({
      name: basename(file),
      content: JSON.parse(textOf(file)) as unknown,
    }));
    const files = contents.flatMap(({ name, content }) =>
      isKernelFile(content) ? [{ name, content }] : [],
    );
    const options = only === undefined ? {} : { only };
    return { suite: 'kernel', files: files.length, ...(await runKernelSuite(files, options)) };
  },
  traces: (paths, { only }) =>
    runTraceSuite(paths, { play: playNested, playBare, ...(only !== undefined && { only }) }),
};

/** `conformance SUITE PATH…`: runs a suite and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('conformance')
    .description('feeds recorded cases to the models and compares what comes out')
    .addArgument(new Argument('<suite>', 'which suite').choices(Object.keys(SUITES)))
    .argument('<path...>', 'files, or directories holding files of the suite')
    .option('--json', 'one JSON document')
    .option('--only <id>', 'run one case alone')
    .option('--verbose', 'list every failure and skip')
    .exitOverride()
    .action((suite: string, paths: string[], flags: Flags) => run(suite, paths, flags));
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  }
}

async function run(suite: string, paths: readonly string[], flags: Flags): Promise<void> {
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) {
    process.stderr.write(`conformance: ${missing}: no such file or directory\n`);
    process.exitCode = EXIT.notFound;
    return;
  }
  const started = performance.now();
  const result = await SUITES[suite]!(paths, flags);
  const seconds = Math.round(performance.now() - started) / 1000;
  if (result.files === 0) {
    process.stderr.write(`conformance: no ${suite} files in ${paths.join(', ')}\n`);
  }
  const { suite: name, files, total, passed, failed, skipped, failures, skips } = result;
  const report = { suite: name, files, total, passed, failed, skipped, disputed: 0 };
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ ...report, failures, skips, seconds })}\n`);
  } else print({ ...result, seconds }, flags.verbose === true);
  if (failed > 0 || files === 0) process.exitCode = EXIT.failed;
}

const SHOWN = 10;

function print(result: NamedResult & { seconds: number }, verbose: boolean): void {
  const { suite, files, total, passed, failed, skipped, failures, skips, seconds } = result;
  const shown = verbose ? failures : failures.slice(0, SHOWN);
  for (const failure of shown) process.stdout.write(`${JSON.stringify(failure)}\n`);
  if (shown.length < failures.length) {
    process.stdout.write(`… ${failures.length - shown.length} more failures (--verbose)\n`);
  }
  for (const { id, why } of skips) process.stdout.write(`skipped ${id}: ${why}\n`);
  process.stdout.write(
    `${suite}: ${files} files, ${total} checks, ${passed} passed, ${failed} failed, ${skipped} skipped, ${seconds} s\n`,
  );
}

/** Files named directly or lying in a directory or one below, whose names match. */
function filesIn(paths: readonly string[], name: RegExp): string[] {
  const found = paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
      const inner = join(path, entry.name);
      if (!entry.isDirectory()) return [inner];
      return readdirSync(inner).map((file) => join(inner, file));
    });
  });
  return [...new Set(found)].filter((file) => name.test(file)).sort();
}

function textOf(file: string): string {
  const bytes = readFileSync(file);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}
