import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplicationContext } from '@nestjs/common';
import type { Clock } from '@steward/control';
import {
  isBundle,
  openBundle,
  READ_MODELS,
  ReadModels,
  SnapshotStore,
  SqliteLedger,
} from '@steward/ledger';
import type { Ledger, OpenedBundle, OpenMode } from '@steward/ledger';
import { BackgroundSnapshots, PositionError, resolvePosition, Snapshots } from '@steward/replay';
import { CliError, EXIT } from './exit-codes';
import { migrations } from './files';
import { say } from './output';

export interface OpenLedger {
  readonly ledger: Ledger;
  readonly readModels: ReadModels;
  /** Absent while none were taken. */
  readonly snapshots?: Snapshots;
}

/**
 * Opens a ledger and its read models for the time `work` takes. A bundle is unpacked and verified first, and only read;
 * snapshots in it are not used, as nothing proves what they say.
 */
export async function withLedger<T>(
  file: string,
  mode: OpenMode,
  work: (open: OpenLedger) => Promise<T>,
): Promise<T> {
  if (!isBundle(file)) return withLedgerFile(file, mode, work);
  if (mode !== 'read')
    throw new CliError(EXIT.refused, `${file} is a bundle; \`restore\` makes a ledger of it`);
  return withBundle(file, async ({ ledger, snapshots }) => {
    if (snapshots !== undefined) rmSync(snapshots);
    return withLedgerFile(ledger, 'read', work);
  });
}

/** Unpacks a bundle for the time `work` takes. */
export async function withBundle<T>(
  bundle: string,
  work: (opened: OpenedBundle) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'steward-unpacked-'));
  try {
    return await work(await openBundle({ bundle, folder, migrations: migrations() }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withLedgerFile<T>(
  file: string,
  mode: OpenMode,
  work: (open: OpenLedger) => Promise<T>,
): Promise<T> {
  const ledger = await SqliteLedger.open({ file, migrations: migrations(), mode, log: say });
  try {
    const access = mode === 'read' ? 'read' : 'write';
    const readModels = ReadModels.open({ file, migrations: migrations(), mode: access });
    try {
      const store = SnapshotStore.openExisting(file);
      try {
        const snapshots = store && new Snapshots(store);
        return await work({ ledger, readModels, ...(snapshots && { snapshots }) });
      } finally {
        store?.close();
      }
    } finally {
      readModels.close();
    }
  } finally {
    await ledger.close();
  }
}

/**
 * Opens the control layer over a ledger. Nest is loaded only now: a command that merely reads or decodes
 * starts without it.
 */
export async function withControl<T>(
  file: string,
  mode: 'create' | 'write',
  work: (app: INestApplicationContext, open: OpenLedger) => Promise<T>,
  clock?: Clock,
): Promise<T> {
  return withLedger(file, mode, async (open) => {
    await import('reflect-metadata');
    const { NestFactory } = await import('@nestjs/core');
    const { ControlModule } = await import('@steward/control');
    const snapshots = new BackgroundSnapshots({ file, migrations: migrations() }, (error) =>
      process.stderr.write(`steward: no more snapshots are taken: ${error.message}\n`),
    );
    const module = ControlModule.over({ ...open, snapshots, ...(clock && { clock }) });
    const app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
    try {
      return await work(app, open);
    } finally {
      await app.close();
      await snapshots.close();
    }
  });
}

/**
 * Opens a ledger whose read models are complete: what a crash or a deletion took is computed again.
 */
export async function withReadModels<T>(
  file: string,
  work: (open: OpenLedger) => Promise<T>,
): Promise<T> {
  if (isBundle(file)) {
    return withLedger(file, 'read', async (open) => {
      if (await areComplete(open)) return work(open);
      throw new CliError(EXIT.refused, `${file}: its read models lag behind; \`restore\` it first`);
    });
  }
  if (await withLedger(file, 'write', areComplete)) return withLedger(file, 'read', work);
  return withControl(file, 'write', async (app, open) => {
    const { Projection } = await import('@steward/control');
    await app.get(Projection).catchUp();
    return work(open);
  });
}

async function areComplete({ ledger, readModels }: OpenLedger): Promise<boolean> {
  const latest = await ledger.latest();
  const written = readModels.checkpoints.all();
  // A host that is behind has a checkpoint of its own.
  return written.size === READ_MODELS.length && READ_MODELS.every((m) => written.get(m) === latest);
}

const EXIT_BY_CODE = { syntax: EXIT.usage, ambiguous: EXIT.usage, missing: EXIT.notFound };

/** The position that an argument names. @throws CliError (usage, or not found) saying why it names none. */
export async function positionOf(text: string, ledger: Ledger): Promise<number> {
  try {
    return await resolvePosition(text, ledger);
  } catch (error) {
    if (!(error instanceof PositionError)) throw error;
    throw new CliError(EXIT_BY_CODE[error.code], error.message);
  }
}

/** What `--since` and `--until` say; the whole log without them. */
export interface RangeFlags {
  readonly since?: string;
  readonly until?: string;
}

/** Commits `since` to `until`, both included. */
export interface CommitRange {
  readonly since: number;
  readonly until: number;
}

/** @throws CliError (usage, not found) for a position that is none. */
export async function rangeOf({ since, until }: RangeFlags, ledger: Ledger): Promise<CommitRange> {
  return {
    since: since === undefined ? 1 : await positionOf(since, ledger),
    until: await positionOf(until ?? 'latest', ledger),
  };
}
