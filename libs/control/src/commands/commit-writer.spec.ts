import type { Command } from '@steward/domain';
import { NO_SNAPSHOTS } from '../ports';
import { MemoryLedger } from '@steward/ledger';
import type { AppendResult, CommitDraft, StoredCommit } from '@steward/ledger';
import { AggregateStates } from './aggregate-states';
import { CommandIdReusedError, CommitWriter, ConflictError } from './commit-writer';

const AT = '2026-01-31T12:00:00.000Z';
const writerOver = (ledger: MemoryLedger): CommitWriter =>
  new CommitWriter(ledger, () => AT, new AggregateStates(ledger), NO_SNAPSHOTS);
const request = (commandId: string) => ({ host: 'h', actor: 'ann', commandId });
const registerHost: Command = {
  type: 'RegisterHost',
  host: 'h',
  policy: 'mainline',
  memory: [
    { use: 'kernel', base: '0x40000000', size: '0x1000000' },
    { use: 'guest-ram', base: '0x100000000', size: '0x1000000' },
  ],
};
const createVm = (vm: string): Command => ({
  type: 'CreateVm',
  vm,
  host: 'h',
  owner: 'ann',
  ram: [{ ipa: '0x0', size: '0x1000', pa: '0x100000000' }],
});

async function commitsOf(ledger: MemoryLedger): Promise<StoredCommit[]> {
  const commits: StoredCommit[] = [];
  for await (const commit of ledger.commits({})) commits.push(commit);
  return commits;
}

describe('CommitWriter', () => {
  it('commits the events of an accepted command with what the decision read', async () => {
    const ledger = new MemoryLedger();
    const { commit, fresh } = await writerOver(ledger).write(registerHost, request('c1'));
    expect(fresh).toBe(true);
    expect(commit).toMatchObject({ position: 1, at: AT, actor: 'ann', outcome: { ok: true } });
    expect(commit.events).toMatchObject([{ stream: 'host/h', type: 'HostRegistered', version: 1 }]);
  });

  it('commits a rejection too, without events', async () => {
    const ledger = new MemoryLedger();
    const writer = writerOver(ledger);
    const { commit } = await writer.write(createVm('v'), request('c1'));
    expect(commit).toMatchObject({ outcome: { ok: false, errno: 'ENOENT' }, events: [] });
  });

  it('answers a repeated command from the ledger, also after a restart', async () => {
    const ledger = new MemoryLedger();
    const first = await writerOver(ledger).write(registerHost, request('c1'));
    const again = await writerOver(ledger).write(registerHost, request('c1'));
    expect(again).toEqual({ commit: first.commit, fresh: false });
    expect(await commitsOf(ledger)).toHaveLength(1);
  });

  it('refuses a command id that belongs to another command', async () => {
    const ledger = new MemoryLedger();
    const writer = writerOver(ledger);
    await writer.write(registerHost, request('c1'));
    await expect(writer.write(createVm('v'), request('c1'))).rejects.toThrow(CommandIdReusedError);
    expect(await commitsOf(ledger)).toHaveLength(1);
  });

  it('decides anew when another writer moved what it looked at', async () => {
    const ledger = new MemoryLedger();
    const [one, two] = [writerOver(ledger), writerOver(ledger)];
    await one.write(registerHost, request('c1'));
    await two.write(createVm('none'), { ...request('c2'), host: 'h' });
    // `one` still holds host/h without the RAM that `two` gave away.
    const { commit } = await one.write(createVm('late'), request('c3'));
    expect(commit.outcome).toMatchObject({ ok: false, errno: 'EBUSY', code: 'vm.ram-taken' });
  });

  it('gives up when that happens again and again, having written nothing', async () => {
    class Moving extends MemoryLedger {
      attempts = 0;
      override append(draft: CommitDraft): Promise<AppendResult> {
        this.attempts++;
        const stream = draft.reads[0]?.stream ?? '';
        return Promise.resolve({ kind: 'conflict', stream, expected: 0, actual: 1 });
      }
    }
    const ledger = new Moving();
    await expect(writerOver(ledger).write(registerHost, request('c1'))).rejects.toThrow(
      ConflictError,
    );
    expect(ledger.attempts).toBe(8);
    expect(await commitsOf(ledger)).toEqual([]);
  });
});
