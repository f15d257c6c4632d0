import type {
  AppendResult,
  CommitDraft,
  StoredCommit,
  StoredEvent,
  Subscription,
} from '@steward/ledger';
import { seeded } from '../seeded';
import { DerivedState } from './derived-state';
import { equal } from './equal';
import { ModelLog, type ModelAnswer, type ModelCommit } from './model-log';
import { HOSTS, pick, RandomDrafts, STREAMS, type Random } from './random-drafts';
import { TestedLedger } from './tested-ledger';

const BURST_MAX = 12;
const SUBSCRIPTIONS_MAX = 3;

interface Follower {
  readonly seen: StoredCommit[];
  readonly after: number;
  subscription: Subscription;
}

/** Random operations on a ledger and on the model, compared after each. */
export class ModelRun {
  readonly counts = new Map<string, number>();
  private readonly random: Random;
  private readonly log = new ModelLog();
  private readonly drafts: RandomDrafts;
  private readonly derived: DerivedState;
  private followers: Follower[] = [];
  private readonly operations: readonly (readonly [weight: number, name: string, () => unknown])[];
  private readonly totalWeight: number;

  private constructor(
    seed: number,
    private readonly tested: TestedLedger,
  ) {
    this.random = seeded(seed);
    this.drafts = new RandomDrafts(this.random);
    this.derived = new DerivedState(tested, this.log, this.random);
    const { derived } = this;
    this.operations = [
      [24, 'append', () => this.append([this.drafts.next(this.log)])],
      [8, 'burst', () => this.append(this.burst())],
      [8, 'retry', () => this.append([this.drafts.again() ?? this.drafts.next(this.log)])],
      [12, 'read commits', () => this.readCommits()],
      [6, 'read a commit', () => this.readCommit()],
      [8, 'read a stream', () => this.readStream()],
      [3, 'read names', () => this.readNames()],
      [4, 'subscribe', () => this.subscribe()],
      [4, 'follow', () => this.checkFollower()],
      [6, 'project', () => derived.project()],
      [3, 'check read models', () => derived.checkReadModels()],
      [1, 'rebuild', () => derived.rebuild()],
      [1, 'clear read models', () => derived.clear()],
      [3, 'take a snapshot', () => derived.takeSnapshot()],
      [4, 'find a snapshot', () => derived.checkSnapshot()],
      [1, 'verify', () => this.verify()],
      [1, 'reopen', () => this.interrupted(() => tested.reopen())],
      [1, 'crash', () => this.interrupted(() => tested.crash())],
      [2, 'crash while appending', () => this.crashWhileAppending()],
    ];
    this.totalWeight = this.operations.reduce((sum, [weight]) => sum + weight, 0);
  }

  /** Runs a number of operations. @throws DifferenceFound at the first that ends otherwise than in the model. */
  static async play(seed: number, operations: number): Promise<ModelRun> {
    const tested = await TestedLedger.create();
    const run = new ModelRun(seed, tested);
    try {
      for (let n = 0; n < operations; n++) await run.step();
      await run.verify();
    } finally {
      for (const { subscription } of run.followers) subscription.done.catch(() => undefined);
      await tested.dispose();
    }
    return run;
  }

  private async step(): Promise<void> {
    let left = this.random(this.totalWeight);
    for (const [weight, name, run] of this.operations) {
      left -= weight;
      if (left >= 0) continue;
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
      await run();
      return;
    }
  }

  private burst(): CommitDraft[] {
    return Array.from({ length: 1 + this.random(BURST_MAX) }, () => this.drafts.next(this.log));
  }

  private async append(drafts: readonly CommitDraft[]): Promise<void> {
    const answers = await Promise.all(drafts.map((draft) => this.tested.ledger.append(draft)));
    for (const [i, draft] of drafts.entries()) this.checkAnswer(answers[i], this.log.append(draft));
  }

  private checkAnswer(found: AppendResult | undefined, expected: ModelAnswer): void {
    const isCommit = found?.kind === 'appended' || found?.kind === 'duplicate';
    equal(isCommit ? { ...found, commit: plain(found.commit) } : found, normal(expected), 'answer');
  }

  private async readCommits(): Promise<void> {
    const { random, log } = this;
    const after = random(log.commits.length + 2);
    const until = after + random(60);
    const host = random(2) === 0 ? pick(HOSTS, random) : undefined;
    const range = { after, until, ...(host !== undefined && { host }) };
    const found = await all(this.tested.ledger.commits(range));
    const expected = log.commits
      .slice(after, until)
      .filter((commit) => host === undefined || commit.host === host);
    equal(found.map(plain), expected.map(normal), `commits ${JSON.stringify(range)}`);
    equal(await this.tested.ledger.latest(), log.commits.length, 'latest');
  }

  private async readCommit(): Promise<void> {
    const position = this.random(this.log.commits.length + 3);
    const found = await this.tested.ledger.commit(position);
    equal(found && plain(found), normal(this.log.commits[position - 1]), `commit ${position}`);
  }

  private async readStream(): Promise<void> {
    const stream = pick([...STREAMS, 'a/none'], this.random);
    const events = this.log.stream(stream);
    const range = {
      after: this.random(events.length + 1),
      until: this.random(this.log.commits.length + 2),
    };
    const found = await all(this.tested.ledger.stream(stream, range));
    const expected = events.filter((e) => e.version > range.after && e.position <= range.until);
    equal(found.map(plainEvent), normal(expected), `${stream} ${JSON.stringify(range)}`);
  }

  private async readNames(): Promise<void> {
    const kind = pick(['a', 'b', 'c', 'none'], this.random);
    equal(await all(this.tested.ledger.hosts()), this.log.hosts(), 'hosts');
    equal(
      await all(this.tested.ledger.streams(kind)),
      this.log.streams(kind),
      `streams of ${kind}`,
    );
  }

  private subscribe(): void {
    if (this.followers.length < SUBSCRIPTIONS_MAX) {
      this.followers.push(this.follower(this.random(this.log.commits.length + 1)));
    }
  }

  private follower(after: number): Follower {
    const seen: StoredCommit[] = [];
    const subscription = this.tested.ledger.subscribe(after, (commit) => void seen.push(commit));
    subscription.done.catch(() => undefined);
    return { seen, after, subscription };
  }

  /** One follower must have seen every commit since it began, once; then it goes, or stays. */
  private async checkFollower(): Promise<void> {
    if (this.followers.length === 0) return;
    const follower = pick(this.followers, this.random);
    await follower.subscription.reached(this.log.commits.length);
    const expected = this.log.commits.slice(follower.after).map(normal);
    equal(follower.seen.map(plain), expected, `what followed ${follower.after}`);
    if (this.random(2) === 0) return;
    await follower.subscription.stop();
    this.followers = this.followers.filter((other) => other !== follower);
  }

  /** Followers begin again at the last commit that they handled, as a checkpoint would have them. */
  private async interrupted(how: () => Promise<void>): Promise<void> {
    const positions = this.followers.map(({ after, seen }) => seen.at(-1)?.position ?? after);
    await how();
    this.followers = positions.map((after) => this.follower(after));
    equal(await this.tested.ledger.latest(), this.log.commits.length, 'latest after opening');
  }

  /** Whoever got no answer asks again: what the crash left is found, what it took is written. */
  private async crashWhileAppending(): Promise<void> {
    const drafts = this.burst();
    const lost = drafts.map((draft) => this.tested.ledger.append(draft).catch(() => undefined));
    // Somewhere between nothing having begun and all of it being done.
    for (let turns = this.random(4); turns > 0; turns--) await Promise.resolve();
    if (this.random(2) === 0) await new Promise((resolve) => setImmediate(resolve));
    const positions = this.followers.map(({ after, seen }) => {
      return Math.min(seen.at(-1)?.position ?? after, this.log.commits.length);
    });
    await this.tested.crash();
    await Promise.all(lost);
    const survived = await this.tested.ledger.latest();
    for (const draft of drafts) {
      if (this.log.commits.length < survived) this.log.append(draft);
    }
    equal(survived, this.log.commits.length, 'commits after a crash');
    this.followers = positions.map((after) => this.follower(after));
    await this.append(drafts);
  }

  private async verify(): Promise<void> {
    const commits = this.log.commits.length;
    equal(await this.tested.ledger.verify(), { ok: true, commits, firstBad: null }, 'verify');
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** A commit without its hashes, which the model does not compute. */
function plain({ prevHash: _, hash: __, ...commit }: StoredCommit): unknown {
  return normal({ ...commit, events: commit.events.map(plainEvent) } as ModelCommit);
}

function plainEvent(event: StoredEvent): unknown {
  return normal(event);
}

/** Words as text, members in one order: two commits are the same when these are. */
function normal(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return `words ${Buffer.from(value as Uint8Array).toString('hex')}`;
  // Objects of another realm, as a test's sandbox has them, are made anew in this one.
  if (Array.isArray(value)) return Array.from(value, normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, normal(member)]));
}
