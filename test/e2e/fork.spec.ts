import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryLedger, SqliteLedger } from '@steward/ledger';
import type { CommitDraft, Ledger, StoredCommit } from '@steward/ledger';
import { ForkRefusedError, replay } from '@steward/replay';
import { projectRoot } from '../conformance/project-root';
import { expectTranscript, steward } from './built-cli';
import { forkOf, type AskedEdits } from './fork-of';
import { DEVICE, GUEST, SmallGuest } from './small-guest';

const S1 = [0x0000_0000_4002_000bn, 0xd6n] as const;
/** The same with EATS=1: accepted by mainline, EIO as nesting was first posted. */
const S1_ATS = [S1[0], 0x1000_00d6n] as const;
const migrations = join(projectRoot(), 'migrations');

function draftOf({ events, ...commit }: StoredCommit): CommitDraft {
  const { position: _, prevHash: __, hash: ___, ...draft } = commit;
  const given = events.map(({ position: ____, idx: _____, version: ______, ...event }) => event);
  return { ...draft, reads: [], events: given };
}

/** Starts `steward` and kills it as soon as something holds. */
async function killedWhen(holds: () => boolean, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(projectRoot(), 'bin/steward'), ...args]);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const watch = setInterval(() => {
    if (holds()) child.kill('SIGKILL');
  }, 1);
  await ended;
  clearInterval(watch);
}

describe('steward fork', () => {
  let folder: string;
  let file: string;
  /** Commits of what happened after the boot. */
  const at = { booted: 0, s1: 0, ats: 0, unmapped: 0 };
  let forks = 0;
  beforeAll(async () => {
    const guest = await SmallGuest.open();
    at.booted = await guest.ledger.latest();
    at.s1 = (await guest.changeSte(S1)).position;
    at.ats = (await guest.changeSte(S1_ATS)).position;
    const ram = { iova: '0x40000000', length: '0x400000' } as const;
    const unmap = { type: 'UnmapIova', ioas: `${GUEST}.ioas`, ...ram } as const;
    at.unmapped = (await guest.issue('vmm:g', unmap)).position;
    folder = await guest.close({ keep: true });
    file = join(folder, 'ledger.db');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A fork in a file of its own; `look` sees its ledger before it is closed. */
  const fork = (position: number, asked?: AskedEdits, look?: Parameters<typeof forkOf>[3]) =>
    forkOf({ file, out: join(folder, `fork-${++forks}.db`) }, position, asked, look);

  it('with nothing changed is the same history, to the last hash', async () => {
    const original = await SqliteLedger.open({ file, migrations, mode: 'read' });
    const last = await original.commit(await original.latest());
    await original.close();
    for (const position of [0, at.booted, at.s1 + 1]) {
      const { comparison, kept } = await fork(position, {}, async (ledger) => {
        expect((await ledger.commit(await ledger.latest()))?.hash).toBe(last?.hash);
      });
      expect(kept).toBe(position === at.s1 + 1 ? at.s1 - 1 : position);
      expect([comparison.causes, comparison.differences]).toEqual([[], []]);
    }
  });

  it('under the older policy refuses a vSTE with ATS and tells the guest; its own log replays', async () => {
    const changes = ['policy=v2-2024-08'];
    let replayed = '';
    const { comparison, kept, digest } = await fork(
      at.booted,
      { changes },
      async (ledger, models) => {
        expect((await ledger.verify()).ok).toBe(true);
        const again = await replay(ledger, models.digests);
        expect(again.diverged).toBeNull();
        replayed = again.digest;
      },
    );
    expect(digest).toBe(replayed);
    expect(kept).toBe(at.booted);
    expect(comparison.causes).toMatchObject([{ edit: 'inserted', command: 'ChangePolicy' }]);
    const [mev, ats] = comparison.differences;
    expect(mev).toMatchObject({ original: at.s1, command: 'QueueGuestCommands' });
    expect(mev?.rows.map(({ aspect }) => aspect)).toEqual(['ste', 'ste']);
    const [answer] = ats?.rows ?? [];
    expect(answer).toMatchObject({ aspect: 'answer', original: { text: 'accepted' } });
    expect(answer?.fork?.text).toContain('EIO (vste.refused)');
    expect(ats?.rows.at(-1)?.fork?.text).toContain('GuestEventRecorded');
  });

  it('leaves commands out, moves and inserts them', async () => {
    const without = await fork(at.booted, { without: new Set([at.ats]) });
    expect(without.comparison.causes).toMatchObject([
      { edit: 'removed', original: at.ats, fork: null },
    ]);
    const moved = await fork(at.booted, { moved: new Map([[at.unmapped, at.booted]]) });
    expect(moved.comparison.causes).toMatchObject([{ edit: 'moved', original: at.unmapped }]);
    const command = { type: 'DetachDevice', device: DEVICE } as const;
    const inserted = await fork(at.booted, {
      inserted: [{ after: at.s1, actor: 'ann', command }],
    });
    expect(inserted.comparison.causes).toMatchObject([
      { edit: 'inserted', actor: 'ann', command: 'DetachDevice', original: null },
    ]);
    expect(inserted.comparison.differences[0]).toMatchObject({ original: at.ats });
  });

  it('goes on from any commit at which it was interrupted, and comes to the same', async () => {
    const asked = { changes: ['policy=v2-2024-08'], moved: new Map([[at.unmapped, at.s1]]) };
    const all: StoredCommit[] = [];
    const read = async (ledger: Ledger): Promise<void> => {
      all.length = 0;
      for await (const commit of ledger.commits()) all.push(commit);
    };
    const whole = await fork(at.booted, asked, read);
    const uninterrupted = [...all];
    for (let n = at.booted - 1; n <= uninterrupted.length; n++) {
      const interrupted = new MemoryLedger();
      for (const commit of uninterrupted.slice(0, n)) await interrupted.append(draftOf(commit));
      const again = await fork(at.booted, { ...asked, interrupted }, read);
      expect(all.at(-1)?.hash).toBe(uninterrupted.at(-1)?.hash);
      expect(JSON.stringify(again)).toBe(JSON.stringify(whole));
    }
    const other = new MemoryLedger();
    for (const commit of uninterrupted.slice(0, at.booted)) {
      await other.append({ ...draftOf(commit), actor: 'somebody-else' });
    }
    const refused = fork(at.booted, { ...asked, interrupted: other });
    await expect(refused).rejects.toThrow(/has another commit/);
  });

  it('changes ID registers of an SMMU that is added after it', async () => {
    const { comparison } = await fork(0, { changes: ['idr0@s=0x0d40101b'] });
    expect(comparison.causes).toMatchObject([{ edit: 'changed', command: 'AddSmmu' }]);
  });

  it.each<[string, () => readonly [number, AskedEdits]]>([
    ['an ID register of an SMMU that exists', () => [5, { changes: ['idr0=0x0'] }]],
    ['leaving out a consequence', () => [0, { without: new Set([at.s1 + 1]) }]],
    ['leaving out what is kept', () => [at.booted, { without: new Set([1]) }]],
  ])('refuses %s', async (_, asked) => {
    await expect(fork(...asked())).rejects.toThrow(ForkRefusedError);
  });

  describe('at the command line', () => {
    const cli = (name: string, ...args: string[]) => {
      const out = join(folder, `${name}.db`);
      return { out, ...steward('fork', '--ledger', file, '--out', out, ...args) };
    };

    it('prints the two histories side by side, causes first', () => {
      const policy = cli('older', '--at', String(at.booted), '--policy', 'policy=v2-2024-08');
      expect([policy.code, policy.stderr]).toEqual([0, '']);
      expectTranscript('fork-policy', policy.stdout, [folder]);
      const ril = cli('ril', '--at', String(at.ats), '--policy', 'ril=off');
      expectTranscript('fork-ril-off', ril.stdout, [folder]);
    });

    it.each<[string, () => string[], number]>([
      ['an unknown key', () => ['--at', '0', '--policy', 'colour=red'], 2],
      ['a commit beyond the end', () => ['--at', '99999'], 3],
      ['features built into tables', () => ['--at', `${at.booted}`, '--policy', 'nesting=off'], 4],
    ])('refuses %s and leaves no file', (_, args, code) => {
      const ended = cli('refused', ...args());
      expect([ended.code, ended.stdout]).toEqual([code, '']);
      expect(existsSync(ended.out)).toBe(false);
    });

    it('goes on after kill -9, with the same question only, and leaves one file', async () => {
      const asked = ['--at', '0', '--policy', 's2fwb=off'];
      const whole = cli('whole', ...asked, '--json');
      const out = join(folder, 'killed.db');
      const args = ['fork', '--ledger', file, '--out', out, ...asked, '--json'];
      // At first the ledger is being made, then commits are in it.
      const wal = `${out}.part-wal`;
      await killedWhen(() => existsSync(wal), args);
      await killedWhen(() => existsSync(wal) && statSync(wal).size > 400_000, args);
      expect([existsSync(out), existsSync(`${out}.part`)]).toEqual([false, true]);
      const other = cli('killed', '--at', '1');
      expect([other.code, other.stderr]).toEqual([4, expect.stringContaining('remove it first')]);
      const again = steward(...args);
      expect(again.code).toBe(0);
      expect(again.stdout.replace(out, '')).toBe(whole.stdout.replace(whole.out, ''));
      expect(readdirSync(folder).filter((name) => name.startsWith('killed'))).toEqual([
        'killed.db',
      ]);
      const hash = (ledger: string) =>
        steward('show', 'latest', '--ledger', ledger, '--json').stdout;
      expect(hash(out)).toBe(hash(whole.out));
    });

    it('overwrites nothing', () => {
      const ended = steward('fork', '--ledger', file, '--at', '1', '--out', file);
      expect([ended.code, ended.stdout]).toEqual([4, '']);
    });
  });
});
