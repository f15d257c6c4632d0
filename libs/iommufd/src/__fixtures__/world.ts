import { decide, DECIDERS, parseStream } from '@steward/domain';
import type { AggregateKind, Command, Context, Decider, StateOf } from '@steward/domain';
import {
  hwptAlloc,
  ioasAlloc,
  Session,
  vdeviceAlloc,
  vfioBind,
  viommuAlloc,
  type Conversation,
} from '../index';

/** Aggregates in memory: what the session reads and its commands change. */
export class World implements Context {
  private readonly states = new Map<string, unknown>();

  constructor() {
    const idr = ['0xd44101b', '0x2730010', '0x0', '0x1414', '0x0', '0x74'] as const;
    const memory = [
      { use: 'kernel', base: '0x40000000', size: '0x1000000' },
      { use: 'guest-ram', base: '0x100000000', size: '0x1000000' },
    ] as const;
    const canwbs = { canwbs: true, ats: false };
    const ram = [{ ipa: '0x40000000', size: '0x10000', pa: '0x100000000' }] as const;
    this.do({ type: 'RegisterHost', host: 'h', policy: 'mainline', memory });
    const more = { iidr: '0x0', aidr: '0x1', switches: { ssidBits: 6 } } as const;
    this.do({ type: 'AddSmmu', smmu: 's', host: 'h', idr, ...more });
    const pasids = { pasidBits: 8 };
    this.do({ type: 'AddDevice', device: 'd', smmu: 's', streamIds: [8], ...canwbs, ...pasids });
    this.do({ type: 'AddDevice', device: 'e', smmu: 's', streamIds: [9], ...canwbs });
    this.do({ type: 'CreateVm', vm: 'v', host: 'h', owner: 'ann', ram });
  }

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    return this.states.get(`${kind}/${id}`) as StateOf<K> | undefined;
  }

  do(command: Command) {
    const decision = decide(command, this);
    for (const { stream, event } of decision.ok ? decision.events : []) {
      const decider = DECIDERS[parseStream(stream).kind] as unknown as Decider<'host'>;
      this.states.set(stream, decider.evolve(this.states.get(stream) as never, event as never));
    }
    const refusal = decision.ok ? decision.stopped : decision;
    const { answer } = decision;
    return { ...(refusal && { errno: refusal.errno }), ...(answer && { answer }) };
  }

  run<Out>(conversation: Conversation<Out>) {
    let next = conversation.next();
    while (next.done !== true) next = conversation.next(this.do(next.value));
    return next.value;
  }
}

export const words = (...of: bigint[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(of).buffer);
export const S1 = { data_type: 2, data_len: 16, data: words(0x4000_100bn, 0n) };

/** Two devices bound as ids 1 and 2, an IOAS 3, a nest parent 4, a vIOMMU 5, a vDEVICE 6, a nested HWPT 7. */
export function nested() {
  const world = new World();
  const session = new Session('v', world);
  const ids = [
    world.run(vfioBind(session, 'd')),
    world.run(vfioBind(session, 'e')),
    world.run(ioasAlloc(session, { flags: 0 })),
    world.run(hwptAlloc(session, { flags: 1, dev_id: 1, pt_id: 3, data_type: 0, data_len: 0 })),
    world.run(viommuAlloc(session, { flags: 0, type: 1, dev_id: 1, hwpt_id: 4 })),
    world.run(vdeviceAlloc(session, { viommu_id: 5, dev_id: 1, virt_id: 0x10n })),
    world.run(hwptAlloc(session, { flags: 0, dev_id: 1, pt_id: 5, ...S1 })),
  ].map(({ out }) => out.id);
  expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7]);
  return { world, session };
}
