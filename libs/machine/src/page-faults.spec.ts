import { DECIDERS, decide, encodeDma, parseStream } from '@steward/domain';
import type { AggregateKind, Command, Context, Decider, StateOf } from '@steward/domain';
import { commandName } from '@steward/smmu';
import type { MachineEffect } from './effects';
import { Machine } from './machine';

const RAM = { pa: '0x100000000', size: '0x10000' } as const;
const IDR = ['0x0c44101b', '0x02730010', '0x0', '0x1414', '0x0', '0x74'] as const;
const MEMORY = [
  { use: 'kernel', base: '0x40000000', size: '0x1000000' },
  { use: 'guest-ram', base: RAM.pa, size: '0x1000000' },
] as const;
/** A guest with a device that can stall, on a stage-1 domain of an empty IOAS, with a fault queue. */
const WORLD: readonly Command[] = [
  { type: 'RegisterHost', host: 'h', policy: 'mainline', memory: MEMORY },
  { type: 'AddSmmu', smmu: 's', host: 'h', idr: IDR, iidr: '0x0', aidr: '0x1', switches: {} },
  {
    ...{ type: 'AddDevice', device: 'd', smmu: 's', streamIds: [8], canwbs: true, ats: false },
    stalls: true,
  },
  { type: 'CreateVm', vm: 'v', host: 'h', owner: 'ann', ram: [{ ipa: '0x0', ...RAM }] },
  { type: 'BindDevice', device: 'd', vm: 'v' },
  { type: 'CreateIoas', ioas: 'i', vm: 'v' },
  { type: 'AllocateFaultQueue', faultQueue: 'q', vm: 'v' },
  { type: 'AllocateS1Domain', domain: 'a', ioas: 'i', device: 'd', faultQueue: 'q' },
  { type: 'AttachDevice', device: 'd', target: { kind: 's1-domain', id: 'a' } },
];

class World implements Context {
  private readonly states = new Map<string, unknown>();
  readonly machine = new Machine();
  private commits = 0;

  constructor() {
    for (const command of WORLD) this.ask(command);
  }

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    return this.states.get(`${kind}/${id}`) as StateOf<K> | undefined;
  }

  /** Decides, applies, and queues the page faults that follow. */
  ask(command: Command): readonly MachineEffect[] {
    const decision = decide(command, this);
    if (!decision.ok) throw new Error(`${command.type}: ${decision.errno}`);
    const events = decision.events as never;
    for (const { stream, event } of decision.events) {
      const decider = DECIDERS[parseStream(stream).kind] as unknown as Decider<'host'>;
      this.states.set(stream, decider.evolve(this.states.get(stream) as never, event as never));
    }
    const { effects } = this.machine.apply({ position: ++this.commits, host: 'h', events });
    for (const { kind, payload } of effects) {
      if (kind === 'page-fault') this.ask({ type: 'ReportPageFault', ...payload });
    }
    return effects;
  }

  write(iova: bigint): readonly MachineEffect[] {
    const words = encodeDma([{ device: 0, stream: 0, write: true, iova }]);
    const segments = [{ op: 'dma', count: 1 }] as const;
    return this.ask({ type: 'GuestActs', vm: 'v', devices: ['d'], segments, words });
  }

  answer(code: number): string[] {
    this.ask({ type: 'ReadPageFaults', faultQueue: 'q', bytes: 40 });
    const responses = [{ cookie: 1, code }];
    return commands(this.ask({ type: 'AnswerPageFaults', faultQueue: 'q', responses }));
  }
}

function commands(effects: readonly MachineEffect[]): string[] {
  return effects.flatMap(({ kind, words }) => {
    if (kind !== 'commands') return [];
    return Array.from({ length: words.length / 2 }, (_, i) => {
      return commandName([words[2 * i]!, words[2 * i + 1]!]) ?? 'no command';
    });
  });
}

describe('a page fault of a guest’s device', () => {
  it('is an effect that a command queues; the answer translates it anew', () => {
    const world = new World();
    const effects = world.write(0x4000n);
    expect(effects.map(({ kind }) => kind)).toContain('page-fault');
    expect(world.get('fault-queue', 'q')?.unread).toHaveLength(1);
    const page = { iova: '0x4000', length: '0x1000', pa: RAM.pa, read: true, write: true } as const;
    world.ask({ type: 'MapIova', ioas: 'i', ...page });
    expect(world.answer(0)).toEqual(['RESUME']);
    expect(world.get('fault-queue', 'q')?.unread).toEqual([]);
  });

  it('faults anew when it is retried and nothing was mapped', () => {
    const world = new World();
    world.write(0x4000n);
    expect(world.answer(0)).toEqual(['RESUME']);
    expect(world.get('fault-queue', 'q')?.unread).toHaveLength(1);
  });

  it('is aborted with its attachment, and nothing is left to read', () => {
    const world = new World();
    world.write(0x4000n);
    const effects = world.ask({ type: 'DetachDevice', device: 'd' });
    expect(commands(effects)).toContain('RESUME');
    expect(world.get('fault-queue', 'q')?.unread).toEqual([]);
    world.ask({ type: 'FreeS1Domain', domain: 'a' });
  });
});
