import 'reflect-metadata';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { ControlModule, ForkRunner, HeldClock } from '@steward/control';
import type { ForkResult } from '@steward/control';
import { ReadModels, SqliteLedger } from '@steward/ledger';
import type { Ledger } from '@steward/ledger';
import { parseChange } from '@steward/replay';
import type { Edits } from '@steward/replay';
import { projectRoot } from '../conformance/project-root';

/** Edits as a test writes them: those it leaves out are none, changes are `KEY=VALUE`. */
export interface AskedEdits extends Partial<Omit<Edits, 'changes'>> {
  readonly changes?: readonly string[];
  /** What an interrupted run of the fork had written. */
  readonly interrupted?: Ledger;
}

/** Forks the ledger in `file` into `out`; `look` sees the fork before it is closed. */
export async function forkOf(
  files: { readonly file: string; readonly out: string },
  at: number,
  { changes = [], interrupted, ...others }: AskedEdits = {},
  look: (ledger: SqliteLedger, models: ReadModels) => Promise<void> = async () => undefined,
): Promise<ForkResult> {
  const migrations = join(projectRoot(), 'migrations');
  const none: Edits = { changes: [], without: new Set(), inserted: [], moved: new Map() };
  const edits = { ...none, ...others, changes: changes.map(parseChange) };
  const { file, out } = files;
  const from = await SqliteLedger.open({ file, migrations, mode: 'read' });
  const models = ReadModels.open({ file, migrations, mode: 'read' });
  const ledger = await SqliteLedger.open({ file: out, migrations, mode: 'create' });
  const readModels = ReadModels.open({ file: out, migrations, mode: 'write' });
  const clock = new HeldClock();
  const module = ControlModule.over({ ledger, readModels, clock: clock.read });
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  try {
    const original = { ledger: from, effectsOf: (p: number) => models.effects.read(p) };
    const result = await app.get(ForkRunner).run(original, {
      ...{ at, edits, clock },
      ...(interrupted && { interrupted }),
    });
    await look(ledger, readModels);
    return result;
  } finally {
    await app.close();
    readModels.close();
    models.close();
    await Promise.all([ledger.close(), from.close()]);
  }
}
