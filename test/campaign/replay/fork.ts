import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { commandOf } from '@steward/domain';
import { SqliteLedger } from '@steward/ledger';
import type { StoredCommit } from '@steward/ledger';
import { ForkRefusedError, replay } from '@steward/replay';
import type { Insertion } from '@steward/replay';
import { projectRoot } from '../../conformance/project-root';
import { forkOf, type AskedEdits } from '../../e2e/fork-of';
import { SmallGuest } from '../../e2e/small-guest';
import { translate } from '../../e2e/translating-guest';
import type { Campaign, CampaignReport } from '../campaign';

const CHANGES = [
  ...['policy=v2-2024-08', 'policy=mainline', 'ril=off', 'ats=off', 'nesting=off', 's2fwb=off'],
  ...['forgets=CMD_TLBI_NH_ALL', 'forgets=CMD_SYNC', 'idr0=0x0d40101b', 'idr1=0x02730010'],
];

/** Random forks of one history; every one must be a sound history of its own, or be refused. */
export const FORKS: Campaign = {
  name: 'replay.fork',
  about:
    'random forks (--cases 500) with changes, commands left out, moved and inserted: each verifies, replays to its own digests and shares its beginning, or is refused',
  run: async (progress, { seed = 1, cases = 500 }) => {
    const guest = await SmallGuest.open();
    await translate(guest);
    const folder = await guest.close({ keep: true });
    try {
      return await forkAtRandom(folder, { seed, cases }, progress);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Case {
  readonly at: number;
  readonly asked: AskedEdits;
}

async function forkAtRandom(
  folder: string,
  { seed, cases }: { readonly seed: number; readonly cases: number },
  progress: (done: number, total: number) => void,
): Promise<CampaignReport> {
  const file = join(folder, 'ledger.db');
  const commits = await commitsIn(file);
  const counts = { sound: 0, refused: 0 };
  for (const [n, one] of fc.sample(casesOver(commits), { seed, numRuns: cases }).entries()) {
    const out = join(folder, 'fork.db');
    const found = await judge({ file, out }, one, commits);
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${out}${suffix}`, { force: true });
    if (found !== 'sound' && found !== 'refused') {
      return { ok: false, seed, case: n, ...shown(one), problem: found.problem, ...counts };
    }
    counts[found]++;
    progress(n + 1, cases);
  }
  return { ok: counts.sound > 0, seed, cases, ...counts };
}

async function judge(
  files: { readonly file: string; readonly out: string },
  { at, asked }: Case,
  commits: readonly StoredCommit[],
): Promise<'sound' | 'refused' | { readonly problem: string }> {
  const problems: string[] = [];
  const check = (right: boolean, problem: string): void => void (right || problems.push(problem));
  let replayed = '';
  const hashes = new Map<number, string>();
  try {
    const { kept, digest } = await forkOf(files, at, asked, async (ledger, models) => {
      check((await ledger.verify()).ok, 'it does not verify');
      const again = await replay(ledger, models.digests);
      check(again.diverged === null, `its replay diverges at ${again.diverged?.position}`);
      replayed = again.digest;
      for await (const { position, hash } of ledger.commits()) hashes.set(position, hash);
    });
    check(digest === replayed, 'it ends at another digest than its replay');
    check(kept <= at, `${kept} commits are kept by a fork at ${at}`);
    check(hashes.get(kept) === commits[kept - 1]?.hash, 'it does not share its beginning');
  } catch (error) {
    if (error instanceof ForkRefusedError) return 'refused';
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  const [problem] = problems;
  return problem === undefined ? 'sound' : { problem };
}

async function commitsIn(file: string): Promise<StoredCommit[]> {
  const migrations = join(projectRoot(), 'migrations');
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'read' });
  const commits: StoredCommit[] = [];
  for await (const commit of ledger.commits()) commits.push(commit);
  await ledger.close();
  return commits;
}

/** A fork anywhere, with a few edits of each kind after it; the inserted commands are some that the history has elsewhere. */
function casesOver(commits: readonly StoredCommit[]): fc.Arbitrary<Case> {
  const outside = commits.filter(({ causationId }) => causationId === undefined);
  return fc.nat({ max: commits.length }).chain((at) => {
    const later = outside.map(({ position }) => position).filter((position) => position > at);
    const place = fc.integer({ min: at, max: commits.length });
    const from = fc.constantFrom(...outside);
    const insertion = fc.record({ from, after: place }).map(inserted);
    const moves = fc.tuple(fc.subarray(later, { maxLength: Math.min(1, later.length) }), place);
    return fc.record({
      at: fc.constant(at),
      asked: fc.record({
        changes: fc.subarray(CHANGES, { maxLength: 2 }),
        without: fc
          .subarray(later, { maxLength: Math.min(3, later.length) })
          .map((all) => new Set(all)),
        inserted: fc.array(insertion, { maxLength: 2 }),
        moved: moves.map(
          ([[position], after]) => new Map(position === undefined ? [] : [[position, after]]),
        ),
      }),
    });
  });
}

function inserted(one: { readonly from: StoredCommit; readonly after: number }): Insertion {
  const { command, commandWords: words, actor, host } = one.from;
  const { type, ...payload } = command;
  const asked = commandOf({ type: String(type), payload, ...(words && { words }) });
  return { after: one.after, actor, host, command: asked };
}

function shown({ at, asked }: Case): Readonly<Record<string, unknown>> {
  const { changes, without, inserted, moved } = asked;
  const brief = inserted?.map(({ after, command }) => `${command.type} after ${after}`);
  return { at, changes, without: [...(without ?? [])], inserted: brief, moved: [...(moved ?? [])] };
}
