import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { EffectTotals, isInvalidation } from '@steward/audit';
import { eventOf, toHex } from '@steward/domain';
import type { Command } from '@steward/domain';
import type { Recording } from '@steward/guest';
import type { StaleTotals, Violation } from '@steward/machine';
import { commandName } from '@steward/smmu';
import type { CommandName } from '@steward/smmu';
import { DecideCommand } from '../commands/decide-command';
import type { Answer } from '../commands/decide-command';
import { HostLanes } from '../commands/host-lanes';
import { Projection } from '../projection/projection';
import type { AppliedCommit } from '../projection/projection';
import { idrHex, idrWords, play, plugIn, replug, setUp } from './guest-player';
import type { GuestPlan, GuestStep } from './guest-player';
import { checkPhaseEnd } from './phase-end-check';
import type { SteMismatch } from './phase-end-check';
import { HOST_MAP, layOutRam } from './ram-layout';
import { passthroughDma } from './passthrough';
import { seededRandom } from './random';
import type { Scenario } from './scenario';

/** A command of the scenario was refused: it cannot go on. */
export class ScenarioRefusedError extends Error {
  override readonly name = 'ScenarioRefusedError';
}

/** What a run did, summed over its commits. */
export interface RunTotals {
  readonly commits: number;
  readonly events: number;
  readonly position: number;
  readonly attaches: number;
  readonly rejected: number;
  readonly effects: EffectTotals;
  /** Invalidations that guests issued, in all and by name. */
  readonly guestInvalidations: number;
  readonly guestCommands: ReadonlyMap<CommandName, number>;
  readonly stes: { readonly compared: number; readonly mismatches: readonly SteMismatch[] };
  /** Stale windows and uses. */
  readonly stale: StaleTotals;
  readonly violations: readonly Violation[];
  readonly digest: string;
}

export interface RunOptions {
  readonly seed: number;
  /** Called with the steps done and the steps in all. */
  readonly progress?: (done: number, total: number) => void;
}

/** Plays a scenario: its machine first, then all its guests, interleaved by the seed. */
@Injectable()
export class ScenarioRunner {
  constructor(
    private readonly bus: CommandBus,
    private readonly lanes: HostLanes,
    private readonly projection: Projection,
  ) {}

  /**
   * @param recordings one for each guest of the scenario, in its order.
   * @throws ScenarioRefusedError when a command is refused that must not be.
   */
  async run(
    scenario: Scenario,
    recordings: readonly Recording[],
    options: RunOptions,
  ): Promise<RunTotals> {
    await this.lanes.open();
    const tally = new Tally();
    const subscription = this.projection.applied$.subscribe((applied) => tally.add(applied));
    try {
      await this.play(scenario, recordings, { ...options, tally });
    } finally {
      subscription.unsubscribe();
      this.projection.flush();
    }
    const { machine } = this.projection;
    return tally.totals(machine.digest(), machine.stale());
  }

  private async play(
    scenario: Scenario,
    recordings: readonly Recording[],
    { seed, progress, tally }: RunOptions & { tally: Tally },
  ): Promise<void> {
    const random = seededRandom(seed);
    const layout = layOutRam(recordings, random);
    const issue = this.issuer(scenario);
    for (const command of machineOf(scenario, layout.size)) await issue('operator', command);
    const plans = plansOf(scenario, recordings, layout.guests);
    for (const plan of plans) {
      for (const command of plugIn(plan)) await issue('operator', command);
      for (const command of setUp(plan)) await issue(`vmm:${plan.name}`, command);
    }
    const running = plans.map((plan) => ({ plan, steps: [...play(plan)], next: 0 }));
    const total = running.reduce((sum, guest) => sum + guest.steps.length, 0);
    for (let done = 0; running.length > 0; done++) {
      const at = random(running.length);
      const guest = running[at]!;
      const replugs = guest.plan.replug.includes(guest.next);
      if (replugs || guest.next % PASSTHROUGH_PERIOD === 0) await passthrough(guest, issue);
      if (replugs) {
        for (const command of replug(guest.plan)) await issue(`vmm:${guest.plan.name}`, command);
        await passthrough(guest, issue);
      }
      const step = guest.steps[guest.next++];
      if (step === undefined) {
        running.splice(at, 1);
        continue;
      }
      await this.step(guest.plan, step, { issue, tally });
      progress?.(done, total);
    }
  }

  private async step(
    plan: GuestPlan,
    step: GuestStep,
    { issue, tally }: { issue: Issuer; tally: Tally },
  ): Promise<void> {
    if (step.kind === 'command') {
      await issue(`guest:${plan.name}`, step.command);
      return;
    }
    const machine = this.projection.machine.host(plan.host);
    const guest = { name: plan.name, vsids: plan.streamIds.keys() };
    const { compared, mismatches } = checkPhaseEnd(machine, guest, step.stes);
    tally.stes.compared += compared;
    tally.stes.mismatches.push(...mismatches);
  }

  /** Command ids follow from the scenario, where its run begins in the ledger, and the order. */
  private issuer(scenario: Scenario): Issuer {
    let n = 0;
    const run = `${scenario.name}@${this.projection.position}`;
    const { id: host } = scenario.host;
    return async (actor, command) => {
      const request = { host, actor, commandId: `${run}:${++n}` };
      const answer: Answer = await this.bus.execute(new DecideCommand(command, request));
      if (answer.ok) return;
      const { errno, reason, position } = answer;
      throw new ScenarioRefusedError(`${command.type} refused at ${position}: ${errno}, ${reason}`);
    };
  }
}

/** Steps of a guest's play between two rounds of its passthrough devices. */
const PASSTHROUGH_PERIOD = 64;

async function passthrough(
  { plan, next }: { readonly plan: GuestPlan; readonly next: number },
  issue: Issuer,
): Promise<void> {
  if (plan.passthrough.length === 0) return;
  await issue(`guest:${plan.name}`, passthroughDma(plan, next));
}

type Issuer = (actor: string, command: Command) => Promise<void>;

function* machineOf(scenario: Scenario, guestRam: number): Generator<Command> {
  const { id: host, policy, forgets } = scenario.host;
  const region = (use: 'kernel' | 'guest-ram' | 'msi-doorbell', base: number, size: number) => ({
    use,
    base: toHex(base),
    size: toHex(size),
  });
  const memory = [
    region('msi-doorbell', HOST_MAP.doorbell.base, HOST_MAP.doorbell.size),
    region('kernel', HOST_MAP.kernel.base, HOST_MAP.kernel.size),
    region('guest-ram', HOST_MAP.guestRam, guestRam),
  ];
  yield { type: 'RegisterHost', host, policy, memory, ...(forgets && { forgets }) };
  for (const { id: smmu, idr, iidr, aidr, nesting, s2fwb } of scenario.smmus) {
    const switches = {
      ...(nesting !== undefined && { nesting }),
      ...(s2fwb !== undefined && { s2fwb }),
    };
    const ids = { idr: idrHex(idr), iidr: toHex(iidr), aidr: toHex(aidr) };
    yield { type: 'AddSmmu', smmu, host, ...ids, switches };
  }
}

function plansOf(
  scenario: Scenario,
  recordings: readonly Recording[],
  ram: readonly GuestPlan['ram'][],
): GuestPlan[] {
  const nextStreamId = new Map<string, number>();
  return scenario.guests.map(({ name, smmu, replug: steps = [], passthrough: devices = [] }, i) => {
    const recording = recordings[i]!;
    const streamIds = new Map<number, number>();
    const takeStreamId = (): number => {
      const streamId = nextStreamId.get(smmu) ?? FIRST_STREAM_ID;
      nextStreamId.set(smmu, streamId + STREAM_ID_STEP);
      return streamId;
    };
    for (const { vsid } of recording.streams) streamIds.set(vsid, takeStreamId());
    const passthrough = devices.map((device) => {
      return { ...device, device: `${name}.${device.name}`, streamId: takeStreamId() };
    });
    const idr = scenario.smmus.find((s) => s.id === smmu)?.idr ?? [];
    return {
      name,
      host: scenario.host.id,
      smmu,
      hostIdr: idrWords(idr),
      recording,
      ram: ram[i] ?? [],
      streamIds,
      canwbs: scenario.canwbs,
      doorbell: HOST_MAP.doorbell.base,
      passthrough,
      replug: steps,
    };
  });
}

/** Function 0 of successive PCI devices, from 00:02.0 on. */
const FIRST_STREAM_ID = 0x10;
const STREAM_ID_STEP = 8;

/** Sums a run up, commit by commit. */
class Tally {
  readonly stes = { compared: 0, mismatches: [] as SteMismatch[] };
  private readonly effects = new EffectTotals();
  private readonly violations: Violation[] = [];
  private readonly guestCommands = new Map<CommandName, number>();
  private guestInvalidations = 0;
  private commits = 0;
  private events = 0;
  private position = 0;
  private attaches = 0;
  private rejected = 0;

  add({ commit, effects, findings }: AppliedCommit): void {
    for (const finding of findings) {
      if (finding.kind === 'violation') this.violations.push(finding.violation);
    }
    this.commits++;
    this.position = commit.position;
    if (!commit.outcome.ok) this.rejected++;
    for (const effect of effects) this.effects.add(effect);
    for (const stored of commit.events) {
      this.events++;
      if (stored.type === 'DeviceAttached') this.attaches++;
      if (stored.type === 'GuestCommandsQueued') this.addGuestCommands(eventOf(stored) as never);
    }
  }

  totals(digest: string, stale: StaleTotals): RunTotals {
    const { commits, events, position, attaches, rejected, effects, stes } = this;
    const { guestInvalidations, guestCommands, violations } = this;
    const counts = { commits, events, position, attaches, rejected, guestInvalidations };
    return { ...counts, effects, guestCommands, stes, stale, violations, digest };
  }

  private addGuestCommands({ words }: { words: BigUint64Array }): void {
    for (let i = 0; i < words.length; i += 2) {
      const name = commandName([words[i] ?? 0n, words[i + 1] ?? 0n]);
      if (!isInvalidation(name)) continue;
      this.guestInvalidations++;
      this.guestCommands.set(name, (this.guestCommands.get(name) ?? 0) + 1);
    }
  }
}
