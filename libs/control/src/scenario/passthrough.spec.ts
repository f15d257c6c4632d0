import { DECIDERS, decide, parseStream, toHex } from '@steward/domain';
import type { AggregateKind, Command, Context, Decider, StateOf } from '@steward/domain';
import type { Recording } from '@steward/guest';
import { Machine } from '@steward/machine';
import type { MachineEffect } from '@steward/machine';
import { COMMANDS, commandName } from '@steward/smmu';
import type { CommandWords } from '@steward/smmu';
import { plugIn, replug, setUp } from './guest-player';
import type { GuestPlan } from './guest-player';
import { passthroughDma } from './passthrough';

const IDR = [0x0d44141bn, 0x02730210n, 0n, 0x1414n, 0n, 0x74n];
/** Two pages of RAM, apart. */
const PAGES = ['0x40000000', '0x50000000'] as const;
const PLAN: GuestPlan = {
  name: 'g',
  host: 'h',
  smmu: 's',
  hostIdr: IDR,
  recording: { doorbells: [] } as unknown as Recording,
  ram: PAGES.map((ipa, i) => {
    return { ipa, size: '0x1000', pa: toHex(0x1_0000_0000n + BigInt(i) * 0x3000n) };
  }),
  streamIds: new Map([[8, 0x10]]),
  canwbs: true,
  doorbell: 0,
  passthrough: [
    {
      ...{ device: 'g.nic', streamId: 0x18, ats: true, atc: true, pasidBits: 4 },
      pasids: [1, 5],
    },
    { device: 'g.disk', streamId: 0x20, ats: false, atc: false, pasids: [] },
  ],
  replug: [],
};

/** A host that follows commands. */
class World implements Context {
  private readonly states = new Map<string, unknown>();
  private readonly machine = new Machine();
  private commits = 0;

  constructor() {
    const memory = [
      { use: 'kernel', base: '0x40000000', size: '0x1000000' },
      { use: 'guest-ram', base: '0x100000000', size: '0x100000' },
    ] as const;
    this.ask({ type: 'RegisterHost', host: 'h', policy: 'mainline', memory });
    const idr = IDR.map((word) => toHex(word));
    const ids = { idr, iidr: '0x0', aidr: '0x1', switches: {} } as const;
    this.ask({ type: 'AddSmmu', smmu: 's', host: 'h', ...ids });
    for (const command of [...plugIn(PLAN), ...setUp(PLAN)]) this.ask(command);
  }

  get<K extends AggregateKind>(kind: K, id: string): StateOf<K> | undefined {
    return this.states.get(`${kind}/${id}`) as StateOf<K> | undefined;
  }

  ask(command: Command): readonly MachineEffect[] {
    const decision = decide(command, this);
    if (!decision.ok) throw new Error(`${command.type}: ${decision.errno}, ${decision.reason}`);
    for (const { stream, event } of decision.events) {
      const decider = DECIDERS[parseStream(stream).kind] as unknown as Decider<'host'>;
      this.states.set(stream, decider.evolve(this.states.get(stream) as never, event as never));
    }
    const events = decision.events as never;
    return this.machine.apply({ position: ++this.commits, host: 'h', events }).effects;
  }

  dma(round: number): object {
    const [effect] = this.ask(passthroughDma(PLAN, round)).filter(({ kind }) => kind === 'dma');
    return effect!.payload;
  }
}

function invalidations(effects: readonly MachineEffect[]): string[] {
  return effects.flatMap(({ kind, words }) => {
    if (kind !== 'commands') return [];
    const commands = Array.from({ length: words.length / 2 }, (_, i): CommandWords => {
      return [words[2 * i]!, words[2 * i + 1]!];
    });
    return commands.filter((command) => commandName(command) === 'ATC_INV').map(substream);
  });
}

function substream(command: CommandWords): string {
  const { layout } = COMMANDS.ATC_INV;
  const ssid = layout.get(command, 'SSV') === 1n ? layout.get(command, 'SubstreamID') : 'none';
  return `${layout.get(command, 'StreamID')}/${ssid}`;
}

describe('passthrough devices of a guest', () => {
  it('reach its RAM, page after page, without a PASID and with each that is attached', () => {
    const world = new World();
    for (const round of [0, 1, 2]) {
      expect(world.dma(round)).toMatchObject({ accesses: 8, matched: 8, mismatches: [] });
    }
  });

  it('keep PASIDs on the domain that the device itself is on', () => {
    const state = new World().get('device', 'g.nic');
    expect(state?.attached).toEqual({ kind: 's1-domain', id: 'g.passthrough' });
    expect([...(state?.pasids ?? [])].map(([pasid, { domain }]) => [pasid, domain])).toEqual([
      [1, 'g.passthrough'],
      [5, 'g.passthrough'],
    ]);
  });

  it('have their ATCs emptied for every PASID when RAM is taken away, and find it again', () => {
    const world = new World();
    world.dma(0);
    const gone = [...replug(PLAN)].flatMap((command) => invalidations(world.ask(command)));
    expect([...new Set(gone)].sort()).toEqual(['24/1', '24/5', '24/none']);
    expect(world.dma(0)).toMatchObject({ matched: 8 });
  });
});
