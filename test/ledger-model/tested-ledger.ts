import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ReadModels,
  ReadModelsAside,
  SnapshotStore,
  snapshotFile,
  SqliteLedger,
} from '@steward/ledger';
import { projectRoot } from '../conformance/project-root';

const migrations = (): string => join(projectRoot(), 'migrations');

/** A ledger with everything beside it, in a folder of its own, that can be closed and opened, and can crash. */
export class TestedLedger {
  ledger!: SqliteLedger;
  readModels!: ReadModels;
  snapshots!: SnapshotStore;
  private folder = '';
  private readonly folders: string[] = [];

  static async create(): Promise<TestedLedger> {
    const tested = new TestedLedger();
    await tested.open();
    return tested;
  }

  private get file(): string {
    return join(this.folder, 'ledger.db');
  }

  async reopen(): Promise<void> {
    await this.close();
    await this.open(this.folder);
  }

  /**
   * Ends as `kill -9` ends a process: what is in the files at this moment is all there is. What was not acknowledged
   * may be in them or not.
   */
  async crash(): Promise<void> {
    const folder = this.newFolder();
    const files = ['', '-wal', '.snapshots', '.snapshots-wal'].map(
      (suffix) => `ledger.db${suffix}`,
    );
    // The files are copied at once: the writer shares this thread, so it writes nothing meanwhile.
    for (const name of files) {
      const from = join(this.folder, name);
      if (existsSync(from)) copyFileSync(from, join(folder, name));
    }
    await this.close();
    await this.open(folder);
  }

  aside(): ReadModelsAside {
    return ReadModelsAside.create(this.file, migrations());
  }

  async dispose(): Promise<void> {
    await this.close();
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }

  private async open(folder = this.newFolder()): Promise<void> {
    this.folder = folder;
    const { file } = this;
    this.ledger = await SqliteLedger.open({
      ...{ file, migrations: migrations(), mode: 'create' },
      writer: 'here',
    });
    this.readModels = ReadModels.open({ file, migrations: migrations(), mode: 'write' });
    this.snapshots = SnapshotStore.open(file);
    if (!existsSync(snapshotFile(file))) throw new Error('no file of snapshots');
  }

  private async close(): Promise<void> {
    this.snapshots.close();
    this.readModels.close();
    await this.ledger.close();
  }

  private newFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'steward-model-'));
    this.folders.push(folder);
    return folder;
  }
}
