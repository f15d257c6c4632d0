import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ReadModels, SqliteLedger } from '@steward/ledger';
import { projectRoot } from '../conformance/project-root';

/** A ledger as a release wrote it, and what a reader must find in it for ever. */
export interface KeptLedger {
  readonly file: string;
  /** The release that wrote it. */
  readonly release: string;
  readonly machineVersion: string;
  readonly commits: number;
  readonly events: number;
  /** Hash of the last commit. */
  readonly hash: string;
  /** Of the machine after the last commit. */
  readonly digest: string;
}

const folder = (): string => join(projectRoot(), 'test/fixtures/ledgers');
const migrations = (): string => join(projectRoot(), 'migrations');

/** The list beside the ledgers. An entry is added with each release that writes something new; none is ever changed. */
export function keptLedgers(): readonly KeptLedger[] {
  return JSON.parse(readFileSync(join(folder(), 'ledgers.json'), 'utf8')) as KeptLedger[];
}

/** An open copy of a kept ledger. */
export interface OpenCopy {
  readonly file: string;
  readonly ledger: SqliteLedger;
  readonly readModels: ReadModels;
  close(): Promise<void>;
}

/**
 * Opens a copy, brought to the present schema as an upgrade would, or (mode `read`) as the release left it; the kept
 * file is never touched.
 */
export async function openCopy(
  kept: KeptLedger,
  mode: 'read' | 'write' = 'write',
): Promise<OpenCopy> {
  const directory = mkdtempSync(join(tmpdir(), 'steward-kept-'));
  const file = join(directory, 'ledger.db');
  writeFileSync(file, gunzipSync(readFileSync(join(folder(), kept.file))));
  const ledger = await SqliteLedger.open({ file, migrations: migrations(), mode });
  const readModels = ReadModels.open({ file, migrations: migrations(), mode });
  const close = async (): Promise<void> => {
    readModels.close();
    await ledger.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { file, ledger, readModels, close };
}
