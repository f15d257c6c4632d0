import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  MIGRATIONS,
  appended,
  draft,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../__fixtures__/drafts';
import { PAGE_ROWS } from '../limits';
import { SqliteLedger } from '../sqlite/sqlite-ledger';
import type { NewAttachmentSpan } from './attachments';
import { ReadModels } from './read-models';

let file: string;
let models: ReadModels;

beforeEach(async () => {
  file = join(temporaryDirectory(), 'ledger.db');
  const ledger = await SqliteLedger.open({ file, migrations: MIGRATIONS, mode: 'create' });
  await appended(ledger, draft('a'));
  await ledger.close();
  models = ReadModels.open({ file, migrations: MIGRATIONS, mode: 'write' });
});
afterEach(() => {
  models.close();
  removeTemporaryDirectories();
});

const effect = (kind: string, words?: Uint8Array) => ({
  kind,
  payload: { smmu: 'smmu/0' },
  ...(words === undefined ? {} : { words }),
});

describe('effects', () => {
  it('come back as written, by commit and in order', () => {
    models.effects.write(2, [effect('ste', Uint8Array.of(1, 2)), effect('command')]);
    models.effects.write(1, [effect('event')]);
    const [first, second] = models.effects.read(2);
    expect(first).toMatchObject({ position: 2, idx: 0, kind: 'ste', payload: { smmu: 'smmu/0' } });
    expect([...(first?.words ?? [])]).toEqual([1, 2]);
    expect(second).toEqual({ position: 2, idx: 1, ...effect('command') });
    expect(models.effects.read(3)).toEqual([]);
  });

  it('written again take the place of the old ones', () => {
    models.effects.write(1, [effect('a'), effect('b')]);
    models.effects.write(1, [effect('c')]);
    expect(models.effects.read(1).map(({ kind }) => kind)).toEqual(['c']);
  });

  it('are read over a range in pages, none twice, even where one commit has more than a page', () => {
    const many = Array.from({ length: PAGE_ROWS + 10 }, (_, i) => effect(`k${i}`));
    models.effects.write(1, [effect('before')]);
    models.effects.write(2, many);
    models.effects.write(3, [effect('last')]);
    models.effects.write(4, [effect('after')]);
    const names = [...models.effects.range(1, 3)].map(({ position, idx }) => `${position}/${idx}`);
    expect(names).toEqual([...many.map((_, i) => `2/${i}`), '3/0']);
  });

  it('refuse a 64-bit value as a number, and write nothing', () => {
    const bad = { kind: 'b', payload: { word: 2 ** 60 } };
    expect(() => models.effects.write(1, [effect('a'), bad])).toThrow(/effects\[1\].*"0x…"/);
    expect(models.effects.read(1)).toEqual([]);
  });
});

describe('digests', () => {
  const digest = (position: number, host = 'host-1', value = `d${position}`) => ({
    position,
    host,
    machineVersion: '1',
    digest: value,
  });

  it('are found at and before a position, over all or of one host', () => {
    for (const one of [digest(1), digest(2, 'host-2'), digest(4)]) models.digests.record(one);
    expect(models.digests.at(3)).toBeUndefined();
    expect(models.digests.at(2)).toEqual(digest(2, 'host-2'));
    expect(models.digests.before(3)).toEqual(digest(2, 'host-2'));
    expect(models.digests.before(3, 'host-1')).toEqual(digest(1));
    expect(models.digests.before(0)).toBeUndefined();
    expect([...models.digests.all(1)]).toEqual([digest(2, 'host-2'), digest(4)]);
  });

  it('are never replaced', () => {
    models.digests.record(digest(1));
    models.digests.record(digest(1));
    expect(() => models.digests.record(digest(1, 'host-1', 'other'))).toThrow(
      expect.objectContaining({ code: 'digest-mismatch' }),
    );
    expect(models.digests.at(1)).toEqual(digest(1));
  });

  it('outlive the clearing of everything else', () => {
    models.digests.record(digest(1));
    models.effects.write(1, [effect('a')]);
    models.checkpoints.set('p', 1);
    models.clear();
    expect(models.digests.at(1)).toEqual(digest(1));
    expect([models.effects.read(1), models.checkpoints.get('p')]).toEqual([[], 0]);
  });
});

describe('transaction', () => {
  it('writes rows and checkpoint together', () => {
    models.transaction(() => {
      models.effects.write(1, [effect('a')]);
      models.checkpoints.set('effects', 1);
    });
    models.transaction(() => models.checkpoints.set('effects', 2));
    expect([models.effects.read(1).length, models.checkpoints.get('effects')]).toEqual([1, 2]);
  });

  it('writes neither when its work throws', () => {
    const work = (): never => {
      models.effects.write(1, [effect('a')]);
      models.checkpoints.set('effects', 1);
      throw new Error('poison');
    };
    expect(() => models.transaction(work)).toThrow('poison');
    expect([models.effects.read(1), models.checkpoints.get('effects')]).toEqual([[], 0]);
  });

  it('refuses work that would go on after it', () => {
    const work = async (): Promise<void> => models.checkpoints.set('p', 1);
    expect(() => models.transaction(work)).toThrow(TypeError);
    expect(models.checkpoints.get('p')).toBe(0);
  });
});

describe('attachments', () => {
  const span = (device: string, fromPosition: number): NewAttachmentSpan => ({
    device,
    pasid: null,
    vm: 'vm/1',
    domain: 'nested-domain/1',
    kind: 'nested',
    parent: 'p',
    vsmmu: 'vs',
    vste0: '0x0000000000000001',
    vste1: null,
    ste: Array.from({ length: 8 }, () => '0xffffffffffffffff'),
    steBefore: null,
    stesAtSync: [['0x1'], ['0x2', '0x3']],
    vmid: 0xffff,
    asid: null,
    ats: true,
    actor: 'operator',
    fromPosition,
    fromAt: '2026-01-31T12:00:00Z',
    beganBy: `c${fromPosition}`,
    command: 'AttachDevice',
  });
  const end = (toPosition: number) => ({
    toPosition,
    toAt: '2026-01-31T13:00:00Z',
    endedBy: `c${toPosition}`,
  });

  it('are in force from their first position up to, not at, their last', () => {
    models.attachments.begin(span('device/1', 2));
    expect(models.attachments.end('device/1', end(5))).toBe(true);
    models.attachments.begin(span('device/1', 5));
    models.attachments.begin({ ...span('device/2', 3), vm: null });
    const at = (position: number) =>
      models.attachments
        .find({ device: 'device/1', at: position })
        .map((found) => found.fromPosition);
    expect([1, 2, 4, 5, 99].map(at)).toEqual([[], [2], [2], [5], [5]]);
    expect(models.attachments.find({ vm: 'vm/1' })).toHaveLength(2);
    expect(models.attachments.find({ vsmmu: 'vs', parent: 'p' })).toHaveLength(3);
    expect(models.attachments.find({ vsmmu: 'none' })).toEqual([]);
    expect(models.attachments.find({ parent: 'none' })).toEqual([]);
    expect(models.attachments.find()).toHaveLength(3);
  });

  it('come back as written, open ends as null', () => {
    const spanId = models.attachments.begin(span('device/1', 2));
    const open = { ...span('device/1', 2), spanId, toPosition: null, toAt: null, endedBy: null };
    expect(models.attachments.find()).toEqual([open]);
    models.attachments.end('device/1', end(9));
    expect(models.attachments.find()).toEqual([{ ...open, ...end(9) }]);
    expect(models.attachments.end('device/1', end(10))).toBe(false);
  });
});

describe('attachments of PASIDs', () => {
  it('lie beside that of their device, and end by themselves', () => {
    const at = { fromAt: '2026-01-31T12:00:00Z', beganBy: 'c', command: null, actor: 'ann' };
    const span: NewAttachmentSpan = {
      ...{ device: 'd', pasid: null, vm: null, domain: null, kind: 'blocked', parent: null },
      ...{ vsmmu: null, vste0: null, vste1: null, ste: null, steBefore: null, stesAtSync: [] },
      ...{ vmid: null, asid: null, ats: false, fromPosition: 1, ...at },
    };
    for (const pasid of [null, 1, 2]) models.attachments.begin({ ...span, pasid });
    const end = { toPosition: 4, toAt: '2026-01-31T13:00:00Z', endedBy: 'c' };
    expect(models.attachments.end('d', end, 2)).toBe(true);
    expect(models.attachments.end('d', end, 3)).toBe(false);
    const open = models.attachments.find({ at: 4 }).map(({ pasid }) => pasid);
    expect(open).toEqual([null, 1]);
  });
});

describe('attempts', () => {
  it('are found by device from a commit up to, not at, another; recorded again they stay one', () => {
    const attempt = (position: number, device = 'd') => ({
      ...{ position, device, at: '2026-01-31T12:00:00Z', actor: 'ann', commandId: `c${position}` },
      ...{ command: { type: 'AttachDevice' }, errno: 'EBUSY', code: 'x', reason: 'it is' },
    });
    for (const position of [2, 3, 5, 3]) models.attempts.record(attempt(position));
    models.attempts.record(attempt(4, 'other'));
    expect(models.attempts.of('d', { from: 3, to: 5 })).toEqual([attempt(3)]);
    expect(models.attempts.of('d', { from: 0, to: 9 }).map((a) => a.position)).toEqual([2, 3, 5]);
  });
});

describe('tables that someone dropped', () => {
  const drop = (...tables: string[]): void => {
    models.close();
    const db = new Database(file);
    for (const table of tables) db.exec(`DROP TABLE ${table}`);
    db.close();
  };

  it('are made anew for a writer, with no checkpoint, and digests stay', () => {
    models.checkpoints.set('attachments', 7);
    models.digests.record({ position: 1, host: 'h', machineVersion: '1', digest: 'd' });
    drop('effects', 'attachments');
    models = ReadModels.open({ file, migrations: MIGRATIONS, mode: 'write' });
    expect(models.checkpoints.get('attachments')).toBe(0);
    models.effects.write(1, [effect('a')]);
    expect(models.effects.read(1)).toHaveLength(1);
    expect(models.digests.at(1)?.digest).toBe('d');
  });

  it('are an error for a reader that asks for them, and only for that one', () => {
    drop('effects');
    models = ReadModels.open({ file, migrations: MIGRATIONS, mode: 'read' });
    expect(() => models.effects.read(1)).toThrow(expect.objectContaining({ code: 'corrupt' }));
    expect(models.attachments.find()).toEqual([]);
  });

  it('leave the log readable', async () => {
    drop('effects', 'attachments', 'checkpoints');
    const ledger = await SqliteLedger.open({ file, migrations: MIGRATIONS, mode: 'read' });
    expect(await ledger.verify()).toEqual({ ok: true, commits: 1, firstBad: null });
    await ledger.close();
    models = ReadModels.open({ file, migrations: MIGRATIONS, mode: 'write' });
  });
});

it('a ledger that is missing is not created for its read models', () => {
  const absent = { file: `${file}.none`, migrations: MIGRATIONS, mode: 'write' as const };
  expect(() => ReadModels.open(absent)).toThrow(expect.objectContaining({ code: 'missing' }));
});
