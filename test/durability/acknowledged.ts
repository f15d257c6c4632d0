import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteLedger, type StoredCommit } from '@steward/ledger';
import { projectRoot } from '../conformance/project-root';

/** A commit that the appender was told is durable. */
export interface Acknowledged {
  readonly position: number;
  readonly commandId: string;
  readonly hash: string;
}

/** What the appender's file of acknowledgements says. A last line without its end was not said. */
export function acknowledgedIn(text: string): {
  readonly commits: readonly Acknowledged[];
  readonly refusals: readonly string[];
  readonly ended: boolean;
} {
  const lines = text.split('\n').slice(0, -1);
  const commits = lines.flatMap((line) => {
    const [position = '', commandId = '', hash = ''] = line.split(' ');
    return /^\d+$/.test(position) ? [{ position: Number(position), commandId, hash }] : [];
  });
  const refusals = lines.filter((line) => line.startsWith('- '));
  return { commits, refusals, ended: lines.includes('end') };
}

/** The acknowledgements beside a ledger. */
export function acknowledgements(file: string): ReturnType<typeof acknowledgedIn> {
  return acknowledgedIn(existsSync(`${file}.acks`) ? readFileSync(`${file}.acks`, 'utf8') : '');
}

/**
 * What is wrong with a ledger after a crash: an acknowledged commit that is missing or another one, a refused one that is
 * there, a commit that does not verify, a ledger that cannot be written on. Undefined when all is well. Opening it is all that is done to repair it.
 */
export async function faultAfterCrash(
  file: string,
  acknowledged: readonly Acknowledged[],
  refused: readonly string[] = [],
): Promise<string | undefined> {
  const migrations = join(projectRoot(), 'migrations');
  let ledger: SqliteLedger;
  try {
    // Thousands of states are looked at: without a thread for each.
    ledger = await SqliteLedger.open({ file, migrations, mode: 'create', writer: 'here' });
  } catch (error) {
    return `it does not open: ${String(error)}`;
  }
  try {
    const { ok, firstBad, commits } = await ledger.verify();
    if (!ok) return `commit ${firstBad?.position}: ${firstBad?.reason}`;
    const found = new Map<number, StoredCommit>();
    for await (const commit of ledger.commits()) found.set(commit.position, commit);
    for (const { position, commandId, hash } of acknowledged) {
      const commit = found.get(position);
      if (commit?.commandId !== commandId || commit.hash !== hash) {
        return `commit ${position} (${commandId}) was acknowledged and is ${commit === undefined ? 'gone' : 'another'}`;
      }
    }
    for (const { position, commandId } of found.values()) {
      if (refused.includes(commandId))
        return `commit ${position} (${commandId}) was refused and is there`;
    }
    const after = await ledger.append({
      ...{ host: 'host', at: '2026-01-31T13:00:00.000Z', actor: 'restart', commandId: 'after' },
      ...{ command: { type: 'Count' }, outcome: { ok: true }, reads: [], events: [] },
    });
    if (after.kind !== 'appended') return `the next append is answered ${after.kind}`;
    if (after.commit.position === commits + 1) return undefined;
    return `the next commit is ${after.commit.position}, not ${commits + 1}`;
  } catch (error) {
    return String(error);
  } finally {
    await ledger.close();
  }
}
