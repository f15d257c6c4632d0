import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { AppendResult, CommitDraft } from '@steward/ledger';
// By their files, not by the room's door: this process is started hundreds of times, and all that stands behind the
// door took half of its start.
import { LedgerError } from '../../libs/ledger/src/ledger-error';
import { SqliteLedger } from '../../libs/ledger/src/sqlite/sqlite-ledger';
import { projectRoot } from '../conformance/project-root';

/**
 * The process whose system calls are watched: appends commits one by one and in groups, and writes a line for each
 * acknowledgement (`position commandId hash`) to `FILE.acks`. A refused commit is asked again with its id until it is
 * taken, at most ATTEMPTS times; that it was refused stands in the file too (`- commandId code`).
 *
 *     node appender.js FILE COMMITS FIRST ATTEMPTS [FOLD_BYTES]
 */
async function main(argv: readonly string[]): Promise<void> {
  const [file = '', commits = '0', first = '0', attempts = '1', foldBytes] = argv;
  const acks = openSync(`${file}.acks`, 'a');
  const say = (line: string): number => writeSync(acks, `${line}\n`);
  const migrations = join(projectRoot(), 'migrations');
  const folding = foldBytes === undefined ? {} : { foldBytes: Number(foldBytes) };
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'create', ...folding });
  const end = Number(first) + Number(commits);
  for (let n = Number(first); n < end;) {
    // Groups of 1, 2 and 4 at a time.
    const group = Math.min([1, 2, 4][n % 3] ?? 1, end - n);
    await Promise.all(
      Array.from({ length: group }, async (_, i) => {
        const { position, commandId, hash } = await insist(ledger, draft(n + i), {
          say,
          attempts: Number(attempts),
        });
        say(`${position} ${commandId} ${hash}`);
      }),
    );
    n += group;
  }
  await ledger.close();
  say('end');
}

async function insist(
  ledger: SqliteLedger,
  commit: CommitDraft,
  { say, attempts }: { readonly say: (line: string) => void; readonly attempts: number },
): Promise<Extract<AppendResult, { kind: 'appended' | 'duplicate' }>['commit']> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      const result = await ledger.append(commit);
      if (result.kind === 'appended' || result.kind === 'duplicate') return result.commit;
      throw new Error(`${commit.commandId}: ${result.kind}`);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      say(`- ${commit.commandId} ${error.code}`);
    }
  }
  throw new Error(`${commit.commandId}: refused ${attempts} times`);
}

function draft(n: number): CommitDraft {
  const event = (stream: string, size: number): CommitDraft['events'][number] => ({
    stream,
    type: 'Counted',
    schema: 1,
    payload: { n, text: 'x'.repeat(size) },
    words: new Uint8Array(size),
  });
  return {
    host: 'host',
    at: '2026-01-31T12:00:00.000Z',
    actor: 'appender',
    commandId: `c${n}`,
    command: { type: 'Count', n },
    outcome: { ok: true },
    reads: [],
    // Several pages now and then, so that one commit is several writes.
    events: [event(`counter/${n % 3}`, 100), event('counter/all', n % 5 === 0 ? 9000 : 50)],
  };
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 3;
});
