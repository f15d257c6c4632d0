import { Command } from 'commander';

const VERSION = '0.1.0';

/** Adds a module's commands to the whole. */
type Adds = (steward: Command) => void;

/**
 * Modules of the command line in the order of `--help`, each with the first words it takes. Only the one that was
 * asked for is loaded: a `decode` needs no ledger and no machine.
 */
const MODULES: readonly (readonly [words: readonly string[], load: () => Promise<Adds>])[] = [
  [['run'], async () => (await import('./commands/run')).runCommand],
  [['log'], async () => (await import('./commands/log')).logCommand],
  [['show'], async () => (await import('./commands/show')).showCommand],
  [['get'], async () => (await import('./commands/get')).getCommand],
  [['diff'], async () => (await import('./commands/diff')).diffCommand],
  [['why'], async () => (await import('./commands/why')).whyCommand],
  [['audit'], async () => (await import('./commands/audit')).auditCommand],
  [
    ['key', 'checkpoint', 'prove'],
    async () => (await import('./commands/evidence')).evidenceCommands,
  ],
  [['backup', 'restore'], async () => (await import('./commands/backup')).backupCommands],
  [['bundle'], async () => (await import('./commands/bundle')).bundleCommand],
  [['close'], async () => (await import('./commands/close')).closeCommand],
  [
    ['archive', 'unarchive', 'check-archive'],
    async () => (await import('./commands/archive')).archiveCommands,
  ],
  [['doctor'], async () => (await import('./commands/doctor')).doctorCommand],
  [['bisect'], async () => (await import('./commands/bisect')).bisectCommand],
  [['fork'], async () => (await import('./commands/fork')).forkCommand],
  [['replay'], async () => (await import('./commands/replay')).replayCommand],
  [['projections'], async () => (await import('./commands/projections')).projectionsCommand],
  [['verify'], async () => (await import('./commands/verify')).verifyCommand],
  [['import'], async () => (await import('./commands/import')).importCommand],
  [['export'], async () => (await import('./commands/export')).exportCommand],
  [['decode'], async () => (await import('./commands/decode')).decodeCommand],
];

/** First words that one module alone is loaded for. */
export const FIRST_WORDS: readonly string[] = MODULES.flatMap(([words]) => words);

/**
 * The command line.
 * @param word the first word asked for, of whose module alone the commands are then there; without it, or when no
 *   module takes it, every command with its options.
 */
export async function program(word?: string): Promise<Command> {
  const steward = new Command('steward')
    .description('event-sourced control plane for simulated guests behind ARM SMMUv3 IOMMUs')
    .version(VERSION)
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 refused, 5 tampering found, 6 replay diverged,\n  7 an invariant was violated (stale entries left by a host driver, or used)',
    );
  const asked = MODULES.filter(([words]) => word !== undefined && words.includes(word));
  for (const [, load] of asked.length > 0 ? asked : MODULES) (await load())(steward);
  return steward;
}
