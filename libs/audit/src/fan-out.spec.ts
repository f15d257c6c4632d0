import { bytesOf } from '@steward/domain';
import type { StoredCommit, StoredEffect } from '@steward/ledger';
import { encodeCommand, hex64 } from '@steward/smmu';
import type { CommandName } from '@steward/smmu';
import { fanOutOf } from './fan-out';

const COMMIT: StoredCommit = {
  position: 7,
  host: 'h',
  at: '2026-01-31T12:00:00.000Z',
  actor: 'vmm:g',
  commandId: '6/0#0',
  command: { type: 'UnmapIova' },
  outcome: { ok: true },
  causationId: '6',
  prevHash: '',
  hash: '',
  events: [],
};
const commands = (
  smmu: string,
  ...list: readonly (readonly [CommandName, ...number[]])[]
): StoredEffect => ({
  position: 7,
  idx: 0,
  kind: 'commands',
  payload: { smmu, origin: 'driver', removed: list.map(([, ...removed]) => removed) },
  words: bytesOf(BigUint64Array.from(list.flatMap(([name]) => [...encodeCommand(name, {})]))),
});
const ste = (streamId: number): StoredEffect => ({
  position: 7,
  idx: 0,
  kind: 'ste-at-sync',
  payload: { smmu: 's0', streamId },
  words: bytesOf(BigUint64Array.of(1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n)),
});

describe('the fan-out of a commit', () => {
  it('is cut at each CMD_SYNC, SMMU by SMMU', () => {
    const found = fanOutOf(COMMIT, [
      commands(
        's0',
        ['TLBI_S2_IPA', 0, 0, 2, 0],
        ['SYNC', 0, 0, 0, 0],
        ['TLBI_NH_ALL', 0, 0, 0, 9],
      ),
      commands('s1', ['TLBI_S2_IPA', 0, 0, 0, 0], ['SYNC', 0, 0, 0, 0]),
      commands('s0', ['SYNC', 0, 0, 0, 0]),
    ]);
    const shape = found?.smmus.map(({ smmu, batches }) => [
      smmu,
      batches.map(({ commands: list, synced }) => [list.map(({ name }) => name), synced]),
    ]);
    expect(shape).toEqual([
      [
        's0',
        [
          [['CMD_TLBI_S2_IPA', 'CMD_SYNC'], true],
          [['CMD_TLBI_NH_ALL', 'CMD_SYNC'], true],
        ],
      ],
      ['s1', [[['CMD_TLBI_S2_IPA', 'CMD_SYNC'], true]]],
    ]);
    expect(found?.totals).toEqual({
      commands: { CMD_TLBI_S2_IPA: 2, CMD_SYNC: 3, CMD_TLBI_NH_ALL: 1 },
      invalidations: 3,
      redundant: 1,
      syncs: 3,
      removed: { stage2: 2, nested: 9 },
    });
    expect(found).toMatchObject({ position: 7, cause: 'UnmapIova', causationId: '6' });
  });

  it('marks an invalidation that found nothing, and never a CMD_SYNC or a prefetch', () => {
    const found = fanOutOf(COMMIT, [
      commands('s0', ['CFGI_STE', 0, 0, 0, 0], ['PREFETCH_CONFIG', 0, 0, 0, 0]),
    ]);
    const [batch] = found?.smmus[0]?.batches ?? [];
    expect(batch?.commands.map(({ redundant }) => redundant)).toEqual([true, false]);
    expect(batch?.synced).toBe(false);
  });

  it('shows the STE in memory beside the batch whose CMD_CFGI_STE announced it', () => {
    const cfgi = commands('s0', ['CFGI_STE', 1, 0, 0, 0], ['SYNC', 0, 0, 0, 0]);
    const found = fanOutOf(COMMIT, [ste(0x10), cfgi, ste(0x20), cfgi]);
    const stes = found?.smmus[0]?.batches.map((b) => b.stes.map(({ streamId }) => streamId));
    expect(stes).toEqual([[0x10], [0x20]]);
    expect(found?.smmus[0]?.batches[0]?.stes[0]?.words[0]).toBe(hex64(1n));
  });

  it('of a commit that put no command on an SMMU is none', () => {
    expect(fanOutOf(COMMIT, [])).toBeUndefined();
  });
});
