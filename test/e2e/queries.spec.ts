import { QueryBus } from '@nestjs/cqrs';
import { AttachmentsQuery, CommitQuery, Projection } from '@steward/control';
import { DEVICE, SmallGuest } from './small-guest';

const S1 = [0x0000_0000_4002_000bn, 0xd6n] as const;

describe('queries over the control layer', () => {
  let guest: SmallGuest;
  beforeEach(async () => {
    guest = await SmallGuest.open();
    await guest.changeSte(S1);
    guest.app.get(Projection).flush();
  });
  afterEach(() => guest.close());

  test('attachments: the spans of a device follow each other without a gap', async () => {
    const bus = guest.app.get(QueryBus);
    const spans = await bus.execute(new AttachmentsQuery({ device: DEVICE }));
    expect(spans.map((s) => s.kind)).toEqual([
      ...['kernel-dma', 'blocked', 'nested-domain', 'nested-domain', 'nested-domain'],
    ]);
    spans.slice(1).forEach((span, i) => expect(span.fromPosition).toBe(spans[i]!.toPosition));
    expect(spans.at(-1)).toMatchObject({ toPosition: null, vste0: '0x000000004002000b', vmid: 1 });
  });

  test('a commit comes with its events and effects; one that is not there is undefined', async () => {
    const bus = guest.app.get(QueryBus);
    const [span] = (await bus.execute(new AttachmentsQuery({ device: DEVICE }))).slice(-1);
    const found = await bus.execute(new CommitQuery(span!.fromPosition));
    expect(found?.commit.events[0]).toMatchObject({ type: 'DeviceAttached' });
    expect(found?.effects.map((e) => e.kind)).toContain('ste-at-sync');
    expect(await bus.execute(new CommitQuery(10_000))).toBeUndefined();
  });
});
