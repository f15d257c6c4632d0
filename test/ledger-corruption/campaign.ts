import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LedgerError, SqliteLedger, type Verification } from '@steward/ledger';
import type { Campaign, CampaignReport } from '../campaign/campaign';
import { projectRoot } from '../conformance/project-root';
import { seeded } from '../seeded';
import { inflict, randomDamage, type Damage, type FileShape } from './damage';
import { firstChanged, readStoredLog, type StoredLog } from './stored-log';

const COMMITS = 80;
const PAGE_BYTES = 4096;
const SHOWN = 10;
const migrations = (): string => join(projectRoot(), 'migrations');

/** What became of a damaged ledger. */
type Ending = 'found' | 'refused' | 'nothing stored changed';

export interface CorruptionFailure {
  readonly damage: Damage;
  readonly error: string;
}

async function writeLedger(file: string): Promise<void> {
  const ledger = await SqliteLedger.open({
    ...{ file, migrations: migrations(), mode: 'create' },
    writer: 'here',
  });
  for (let n = 1; n <= COMMITS; n++) {
    const payload = { n, text: 'x'.repeat(n * 7) };
    const words = Buffer.alloc(n * 11, n);
    const event = { type: 'Counted', schema: 1, payload };
    await ledger.append({
      ...{ host: `h${n % 3}`, at: '2026-01-31T12:00:00.000Z', actor: 'ann', commandId: `c${n}` },
      ...{ command: { type: 'Count', n }, outcome: { ok: true }, reads: [] },
      events: [
        { ...event, stream: 'a/1', words },
        { ...event, stream: `b/${n % 7}` },
        { ...event, stream: `c/${n}` },
      ],
    });
  }
  await ledger.close();
}

async function verified(file: string): Promise<Verification | LedgerError> {
  try {
    const ledger = await SqliteLedger.open({ file, migrations: migrations(), mode: 'read' });
    try {
      return await ledger.verify();
    } finally {
      await ledger.close();
    }
  } catch (error) {
    if (error instanceof LedgerError) return error;
    throw error;
  }
}

/** @throws Error when what changed is not found at its commit. */
function judge(found: Verification | LedgerError, file: string, before: StoredLog): Ending {
  // The file is not taken for a ledger at all, and says so.
  if (found instanceof LedgerError) return 'refused';
  const changed = firstChanged(readStoredLog(file), before);
  if (changed === undefined) return 'nothing stored changed';
  if (found.firstBad?.position === changed) return 'found';
  const what = found.firstBad === null ? 'nothing' : `commit ${found.firstBad.position}`;
  throw new Error(`commit ${changed} is the first that changed, ${what} was found`);
}

/** Damages a ledger in `cases` random ways; `verify` must name the first commit that changed. */
export async function corrupt(
  seed: number,
  cases: number,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<CampaignReport & { failures: CorruptionFailure[]; endings: Record<string, number> }> {
  const folder = mkdtempSync(join(tmpdir(), 'steward-corruption-'));
  const whole = join(folder, 'whole.db');
  const failures: CorruptionFailure[] = [];
  const endings = new Map<string, number>();
  try {
    await writeLedger(whole);
    const before = readStoredLog(whole);
    const counts = { commits: before.commits.length, events: before.events.length };
    const shape: FileShape = { bytes: statSync(whole).size, pageBytes: PAGE_BYTES, ...counts };
    const random = seeded(seed);
    for (let n = 0; n < cases; n++) {
      const damage = randomDamage(shape, random);
      const file = join(folder, `damaged-${n}.db`);
      copyFileSync(whole, file);
      inflict(file, damage, shape);
      try {
        const ending = `${damage.kind}: ${judge(await verified(file), file, before)}`;
        endings.set(ending, (endings.get(ending) ?? 0) + 1);
      } catch (error) {
        failures.push({ damage, error: String(error) });
      }
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
      progress(n + 1, cases);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    ...{ ok: failures.length === 0, seed, cases, failed: failures.length },
    failures: failures.slice(0, SHOWN),
    endings: Object.fromEntries([...endings].sort(([a], [b]) => a.localeCompare(b))),
  };
}

export const LEDGER_CORRUPTION: Campaign = {
  name: 'ledger.corruption',
  about:
    '2,000 flipped bits, zeroed pages, truncations, swapped rows: verify names the first bad commit',
  run: (progress, { seed = 1, cases = 2000 }) => corrupt(seed, cases, progress),
};
