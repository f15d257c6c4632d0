import type { Effect } from '@steward/ledger';
import { equal } from './equal';
import type { ModelCommit, ModelLog } from './model-log';
import { HOSTS, pick, type Random } from './random-drafts';
import type { TestedLedger } from './tested-ledger';

const NAME = 'effects';

/** A read model of the test's own: of each commit, how many events it has. */
function effectsOf({ events, position }: ModelCommit): Effect[] {
  return events.length === 0
    ? []
    : [{ kind: 'seen', payload: { position, events: events.length } }];
}

/** Read models and snapshots beside the log, and what must be in them. */
export class DerivedState {
  /** The commit up to which the read model is written. */
  private written = 0;
  private readonly snapshots = new Map<
    string,
    { readonly position: number; readonly bytes: Uint8Array }[]
  >();

  constructor(
    private readonly tested: TestedLedger,
    private readonly log: ModelLog,
    private readonly random: Random,
  ) {}

  /** Writes some more of the read model with its checkpoint; sometimes the transaction fails on the way. */
  project(): void {
    const { readModels } = this.tested;
    const { commits } = this.log;
    const until = this.written + this.random(commits.length - this.written + 1);
    const failsAt = this.random(5) === 0 ? this.written + 1 + this.random(8) : Infinity;
    const write = (): void => {
      for (const commit of commits.slice(this.written, until)) {
        if (commit.position === failsAt) throw new RangeError('poison');
        readModels.effects.write(commit.position, effectsOf(commit));
      }
      readModels.checkpoints.set(NAME, until);
    };
    try {
      readModels.transaction(write);
      this.written = until;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  /** Builds the read model anew aside, over what may be there, and switches. */
  rebuild(): void {
    const { readModels } = this.tested;
    if (this.random(2) === 0 && this.written > 0) {
      readModels.effects.write(1 + this.random(this.written), [{ kind: 'forged', payload: {} }]);
    }
    const aside = this.tested.aside();
    for (const commit of this.log.commits) aside.effects.write(commit.position, effectsOf(commit));
    aside.checkpoints.set(NAME, this.log.commits.length);
    readModels.replaceBy(aside);
    aside.discard();
    this.written = this.log.commits.length;
  }

  clear(): void {
    this.tested.readModels.clear();
    this.written = 0;
  }

  checkReadModels(): void {
    const { readModels } = this.tested;
    equal(readModels.checkpoints.get(NAME), this.written, 'checkpoint');
    const expected = this.log.commits
      .slice(0, this.written)
      .flatMap((commit) => effectsOf(commit).map((effect) => [commit.position, effect.payload]));
    const found = [...readModels.effects.range()].map((e) => [e.position, { ...e.payload }]);
    equal(found, expected, 'effects');
  }

  async takeSnapshot(): Promise<void> {
    const commit = this.log.commits.at(-1);
    if (commit === undefined) return;
    const { host, position } = commit;
    const bytes = new Uint8Array(this.random(3000)).fill(this.random(256));
    const entry = { host, position, commitHash: String(position), version: '1', bytes };
    await this.tested.snapshots.put(entry);
    const known = this.snapshots.get(host) ?? [];
    this.snapshots.set(host, [
      ...known.filter((s) => s.position !== position),
      { position, bytes },
    ]);
  }

  checkSnapshot(): void {
    const host = pick(HOSTS, this.random);
    const at = this.random(this.log.commits.length + 2);
    const known = (this.snapshots.get(host) ?? []).filter(({ position }) => position <= at).at(-1);
    const found = this.tested.snapshots.nearest(host, { position: at }, '1');
    equal(found?.position, known?.position, `snapshot of ${host} at ${at}`);
    if (known !== undefined && found !== undefined) {
      equal(
        Buffer.compare(found.bytes, known.bytes),
        0,
        `bytes of the snapshot at ${known.position}`,
      );
    }
  }
}
