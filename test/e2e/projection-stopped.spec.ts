import { join } from 'node:path';
import { CommandBus } from '@nestjs/cqrs';
import { DecideCommand, Projection } from '@steward/control';
import type { Answer } from '@steward/control';
import { EventRefused } from '@steward/machine';
import { projectRoot } from '../conformance/project-root';
import { DEVICE, SmallGuest } from './small-guest';

const DETACH = { type: 'DetachDevice', device: DEVICE } as const;
const MIGRATIONS = join(projectRoot(), 'migrations');

let guest: SmallGuest;
let errors: string[];

beforeEach(async () => {
  errors = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    errors.push(String(text));
    return true;
  });
  guest = await SmallGuest.open();
});
afterEach(() => jest.restoreAllMocks());

async function reopened(): Promise<SmallGuest> {
  return SmallGuest.open(await guest.close({ keep: true }));
}

/** A command about another host than the guest's. */
function elsewhere(host: string): Promise<Answer> {
  const memory = [{ use: 'kernel', base: '0x40000000', size: '0x4000000' }] as const;
  const command = { type: 'RegisterHost', host, policy: 'mainline', memory } as const;
  const request = { host, actor: 'operator', commandId: `register ${host}` };
  return guest.app.get(CommandBus).execute(new DecideCommand(command, request));
}

/** The next commit of the guest's host is one that its machine cannot follow. */
async function poisonMachine(): Promise<number> {
  const { machine } = guest.app.get(Projection);
  const apply = machine.apply.bind(machine);
  const poisoned = (await guest.ledger.latest()) + 1;
  machine.apply = (commit) => {
    if (commit.position !== poisoned) return apply(commit);
    throw new EventRefused(1, 'DeviceDetached', new Error('poison'));
  };
  return poisoned;
}

describe('a machine that cannot follow an event', () => {
  test('stops loudly, names it, and decides nothing more for its host', async () => {
    const poisoned = await poisonMachine();
    const stopped = `the machine of h stopped at event ${poisoned}/1 (DeviceDetached): poison`;
    await expect(guest.issue('operator', DETACH)).rejects.toThrow(stopped);
    await expect(guest.issue('operator', DETACH)).rejects.toThrow(stopped);
    expect(errors.join('')).toContain(stopped);
    expect(await guest.ledger.latest()).toBe(poisoned);
    expect(await guest.ledger.verify()).toMatchObject({ ok: true });
    // What the log says is intact: a machine that can follow it does.
    const again = await reopened();
    expect(again.machine.physicalSte(DEVICE)).toEqual([1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]);
    await again.close();
  });

  test('leaves other hosts running, and what it missed is written once it can', async () => {
    const poisoned = await poisonMachine();
    await expect(guest.issue('operator', DETACH)).rejects.toThrow('poison');
    expect(await elsewhere('other')).toMatchObject({ ok: true });
    const status = await guest.app.get(Projection).status();
    expect(status).toContainEqual(
      expect.objectContaining({ projection: 'machine@h', position: poisoned - 1, lag: 2 }),
    );
    expect(guest.readModels.checkpoints.get('effects@h')).toBe(poisoned - 1);
    const again = await reopened();
    expect(again.readModels.digests.at(poisoned)).toBeDefined();
    const spans = again.readModels.attachments.find({ device: DEVICE });
    expect(spans.filter(({ fromPosition }) => fromPosition === poisoned)).toHaveLength(1);
    expect([...again.readModels.checkpoints.all()]).toEqual([
      ['attachments', poisoned + 1],
      ['effects', poisoned + 1],
    ]);
    await again.close();
  });
});

describe('a read model that cannot go on', () => {
  test('stops alone and loudly; nothing else does, and it is whole again after a restart', async () => {
    const projection = guest.app.get(Projection);
    projection.flush();
    const poisoned = (await guest.ledger.latest()) + 1;
    jest.spyOn(guest.readModels.attachments, 'begin').mockImplementationOnce(() => {
      throw new Error('poison');
    });
    await guest.issue('operator', DETACH);
    await elsewhere('other');
    projection.flush();
    expect(errors.join('')).toContain(`attachments stopped at commit ${poisoned}: poison`);
    const stopped = `attachments stopped at commit ${poisoned}: poison`;
    expect(await projection.status()).toEqual([
      { projection: 'effects', position: poisoned + 1, lag: 0, stopped: null },
      { projection: 'attachments', position: poisoned - 1, lag: 2, stopped },
    ]);
    expect(guest.readModels.digests.at(poisoned + 1)).toBeDefined();
    const again = await reopened();
    const spans = again.readModels.attachments.find({ device: DEVICE });
    expect(spans.filter(({ fromPosition }) => fromPosition === poisoned)).toHaveLength(1);
    await again.close();
  });

  test('runs again after a rebuild, without a restart', async () => {
    const projection = guest.app.get(Projection);
    jest.spyOn(guest.readModels.attachments, 'begin').mockImplementationOnce(() => {
      throw new Error('poison');
    });
    await guest.issue('operator', DETACH);
    projection.flush();
    const latest = await guest.ledger.latest();
    expect(await projection.rebuild({ file: guest.file, migrations: MIGRATIONS })).toBe(latest);
    expect((await projection.status()).map(({ lag, stopped }) => [lag, stopped])).toEqual([
      [0, null],
      [0, null],
    ]);
    expect(guest.readModels.attachments.find({ device: DEVICE, at: latest })).toMatchObject([
      { kind: 'blocked', toPosition: null },
    ]);
    await guest.close();
  });
});

test('read models are rebuilt aside while commands go on, and switched as a whole', async () => {
  const projection = guest.app.get(Projection);
  projection.flush();
  const spansOf = (device: string): unknown =>
    guest.readModels.attachments.find({ device }).map(({ spanId: _, ...span }) => span);
  const effectsUpTo = (until: number): unknown => [...guest.readModels.effects.range(0, until)];
  const before = { position: await guest.ledger.latest(), spans: spansOf(DEVICE) };
  const effects = effectsUpTo(before.position);
  guest.readModels.effects.write(3, [{ kind: 'forged', payload: {} }]);
  let meanwhile: Promise<Answer> | undefined;
  const rebuilding = projection.rebuild({ file: guest.file, migrations: MIGRATIONS }, () => {
    // Served while it is being built: what is there is still the old.
    meanwhile ??= guest.issue('operator', DETACH);
    expect(guest.readModels.effects.read(3)).toMatchObject([{ kind: 'forged' }]);
  });
  await rebuilding;
  expect(await meanwhile).toMatchObject({ ok: true });
  await guest.issue('operator', { type: 'DetachDevice', device: 'none' });
  projection.flush();
  expect(effectsUpTo(before.position)).toEqual(effects);
  const spans = spansOf(DEVICE) as { toPosition: number | null }[];
  expect(spans).toHaveLength((before.spans as unknown[]).length + 1);
  expect(spans.filter(({ toPosition }) => toPosition === null)).toHaveLength(1);
  const latest = await guest.ledger.latest();
  expect(new Set(guest.readModels.checkpoints.all().values())).toEqual(new Set([latest]));
  await guest.close();
});
