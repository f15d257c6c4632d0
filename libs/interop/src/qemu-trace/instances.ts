import { REGISTERS } from '@steward/smmu';
import { announcementOf } from './announcements';
import type { RecordedQueue } from './cmdq';
import { isDetail, readCommands } from './command-text';
import { disagreements, ringSize } from './cross-check';
import type { TraceLine } from './events';
import type { ParsedTrace } from './lines';

/**
 * The lines of each SMMU instance of a trace. QEMU prints no instance, so it is told apart by what only one of them
 * can have done:
 *
 * - a run of commands belongs to the queue that holds those words at those indexes;
 * - the CMDQ_PROD and CMDQ_CONS accesses beside a run belong to its instance;
 * - other registers belong to the instance that is being looked at: Linux reads IDR0 first when it probes one, and
 *   looks at the instances in their order, again and again;
 * - walks and accesses belong to the instance that has their StreamID.
 *
 * Line numbers stay those of the whole trace.
 */
export function splitByInstance(
  trace: ParsedTrace,
  queues: readonly RecordedQueue[],
): readonly ParsedTrace[] {
  if (queues.length === 1) return [trace];
  const splitter = new Splitter(queues, ringSize(trace.lines));
  for (const line of trace.lines) splitter.add(line);
  splitter.finish();
  return splitter.lines.map((lines) => ({ ...trace, lines }));
}

const { CMDQ_PROD, CMDQ_CONS, IDR0 } = REGISTERS;

class Splitter {
  readonly lines: TraceLine[][];
  private readonly owners: ReadonlyMap<number, number>;
  /** Index of each queue's next command. */
  private readonly next: number[];
  /** Lines of the run of commands being read. */
  private run: TraceLine[] = [];
  private probed = -1;
  /** Whose command queue the registers beside a run are; undefined from the next look at an instance on. */
  private ran: number | undefined;
  private walked = 0;

  constructor(
    private readonly queues: readonly RecordedQueue[],
    private readonly ring: number,
  ) {
    this.lines = queues.map(() => []);
    this.next = queues.map(() => 0);
    this.owners = streamOwners(queues);
  }

  add(line: TraceLine): void {
    if (line.event === 'smmuv3_cmdq_consume_out') this.endRun(line);
    else if (isCommandLine(line)) this.run.push(line);
    else this.give(line, this.instanceOf(line));
  }

  /** A trace may end before the pointers of its last run are printed. */
  finish(): void {
    if (this.run.length > 0) this.endRun();
  }

  private give(line: TraceLine, instance: number): void {
    this.lines[instance]?.push(line);
  }

  private endRun(last?: TraceLine): void {
    const { run } = this;
    this.run = [];
    if (last !== undefined) run.push(last);
    const texts = readCommands(run);
    // Without commands it says that a register write found the queue empty.
    if (texts.length > 0) {
      const owner = this.ownerOf(texts, run[0]?.line ?? 0);
      this.next[owner] = (this.next[owner] ?? 0) + texts.length;
      this.ran = owner;
    }
    const instance = texts.length > 0 ? this.ran : undefined;
    for (const line of run) this.give(line, instance ?? this.current());
  }

  /**
   * The queue that holds a run. Where several do, equal runs are the same in both orders; the instance being probed
   * goes first, then one that has commands left in this phase. Where none does, the cross-check will say why.
   */
  private ownerOf(texts: ReturnType<typeof readCommands>, line: number): number {
    const holds = (queue: RecordedQueue, at: number): boolean =>
      texts.every((text, k) => {
        const words = queue.commands[at + k];
        const place = { index: at + k, ring: this.ring };
        return words !== undefined && disagreements(text, words, place).length === 0;
      });
    const candidates = this.queues.flatMap((queue, i) =>
      holds(queue, this.next[i] ?? 0) ? [i] : [],
    );
    const current = this.current();
    const due = candidates.filter((i) => (this.next[i] ?? 0) < this.phaseEnd(i, line));
    return (
      due.find((i) => i === current) ??
      due[0] ??
      candidates.find((i) => i === current) ??
      candidates[0] ??
      current
    );
  }

  private phaseEnd(instance: number, line: number): number {
    const phase = this.queues[instance]?.phases.find(({ lastLine }) => line <= lastLine);
    return phase?.commandsEnd ?? Infinity;
  }

  private current(): number {
    return Math.max(this.probed, 0) % this.queues.length;
  }

  private instanceOf(line: TraceLine): number {
    if (line.event === 'smmuv3_read_mmio' || line.event === 'smmuv3_write_mmio') {
      const offset = line.fields.addr % 0x1_0000;
      if (line.event === 'smmuv3_read_mmio' && offset === IDR0.offset) {
        this.probed += 1;
        this.ran = undefined;
      }
      const beside = offset === CMDQ_PROD.offset || offset === CMDQ_CONS.offset;
      return (beside ? this.ran : undefined) ?? this.current();
    }
    const { sid } = line.fields as { readonly sid?: number };
    if (sid !== undefined) this.walked = this.owners.get(sid) ?? this.walked;
    return this.walked;
  }
}

function isCommandLine({ event }: TraceLine): boolean {
  return event === 'smmuv3_cmdq_consume' || event === 'smmuv3_cmdq_opcode' || isDetail(event);
}

/** The instance of each StreamID that a phase end or a command of its own names. */
function streamOwners(queues: readonly RecordedQueue[]): Map<number, number> {
  const owners = new Map<number, number>();
  for (const [i, { commands, phases }] of queues.entries()) {
    for (const words of commands) {
      const announcement = announcementOf(words);
      if (announcement?.single === true) owners.set(announcement.first, i);
    }
    for (const { entries } of phases) for (const vsid of entries.keys()) owners.set(vsid, i);
  }
  return owners;
}
