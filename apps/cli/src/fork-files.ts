import { existsSync, renameSync, rmSync } from 'node:fs';
import { z } from 'zod';
import { LedgerError, snapshotFile, SqliteLedger } from '@steward/ledger';
import { CliError, EXIT } from './exit-codes';
import { migrations } from './files';
import { StateFile, type Question } from './state-file';

/** A fork as files: written as `OUT.part`, which takes its name when it is whole. */
export class ForkFiles {
  /** The ledger that is being written. */
  readonly part: string;
  /** What an interrupted run had written. */
  private readonly interrupted: string;
  private readonly state: StateFile<object>;

  /** @param question what the fork is asked for: only the same is gone on with. */
  constructor(
    private readonly out: string,
    question: Question,
  ) {
    this.part = `${out}.part`;
    this.interrupted = `${out}.interrupted`;
    const kept = { what: 'fork that was interrupted', schema: z.object({}) };
    this.state = new StateFile(`${out}.question`, question, kept);
  }

  /**
   * Makes room for `part`.
   * @returns the ledger of an interrupted run of the same fork, if there is one.
   * @throws CliError (refused) when OUT exists, or something is in the way that is no such run.
   */
  async begin(): Promise<string | undefined> {
    const { out, part, interrupted } = this;
    if (existsSync(out)) throw refused(`${out} exists already: a fork needs a ledger of its own`);
    if (this.state.read() === undefined) {
      for (const file of [part, interrupted]) {
        if (existsSync(file)) throw refused(`${file} is in the way; remove it first`);
      }
      this.state.keep({});
      return undefined;
    }
    const [fresh, before] = [await commitsOf(part), await commitsOf(interrupted)];
    // A run that goes on begins by copying: the one that came further counts.
    if (fresh > before) moveLedger(part, interrupted);
    else removeLedger(part);
    return Math.max(fresh, before) > 0 ? interrupted : undefined;
  }

  /** Gives the ledger, closed by now, its name. */
  finish(): void {
    moveLedger(this.part, this.out);
    removeLedger(this.interrupted);
    this.state.remove();
  }

  /** Leaves nothing. */
  discard(): void {
    removeLedger(this.part);
    removeLedger(this.interrupted);
    this.state.remove();
  }
}

function refused(why: string): CliError {
  return new CliError(EXIT.refused, why);
}

/** A ledger's own file comes last: until it has moved, all of it counts as where it was. */
function filesOf(ledger: string): string[] {
  return [snapshotFile(ledger), ledger].flatMap((file) => [`${file}-shm`, `${file}-wal`, file]);
}

function removeLedger(ledger: string): void {
  for (const file of filesOf(ledger)) rmSync(file, { force: true });
}

function moveLedger(from: string, to: string): void {
  removeLedger(to);
  const targets = filesOf(to);
  filesOf(from).forEach((file, i) => {
    if (existsSync(file)) renameSync(file, targets[i]!);
  });
}

/** Commits in a ledger that may have been interrupted at any moment, while it was being made too. */
async function commitsOf(file: string): Promise<number> {
  if (!existsSync(file)) return 0;
  try {
    const ledger = await SqliteLedger.open({ file, migrations: migrations(), mode: 'read' });
    const latest = await ledger.latest();
    await ledger.close();
    return latest;
  } catch (error) {
    if (error instanceof LedgerError) return 0;
    throw error;
  }
}
