import type { CommandTap, TappedQueue } from '@steward/host';
import { COMMANDS, commandName, type CommandName, type CommandWords } from '@steward/smmu';

type Forward = (commands: readonly CommandWords[]) => void;

/** A defect while it is planted: what commands pass, and the commits in which it acted. */
export interface Planted extends CommandTap {
  readonly acted: ReadonlySet<number>;
}

/** Whose commands a defect spoils. */
type Origin = TappedQueue['origin'];

interface Target {
  readonly command: CommandName;
  readonly origin: Origin;
}

abstract class CommandDefect implements Planted {
  readonly acted = new Set<number>();

  constructor(
    protected readonly target: Target,
    protected readonly position: () => number,
  ) {}

  issue(queue: TappedQueue, commands: readonly CommandWords[], forward: Forward): void {
    const mine = (words: CommandWords): boolean =>
      this.isTarget(queue, words) && commandName(words) === this.target.command;
    if (!commands.some(mine)) return this.pass(queue, commands, forward);
    this.acted.add(this.position());
    this.spoil(queue, { commands, mine }, forward);
  }

  /** Commands among which there is none to spoil. */
  protected pass(_queue: TappedQueue, commands: readonly CommandWords[], forward: Forward): void {
    forward(commands);
  }

  protected abstract spoil(
    queue: TappedQueue,
    found: { readonly commands: readonly CommandWords[]; mine(words: CommandWords): boolean },
    forward: Forward,
  ): void;

  /** The CMD_SYNC behind a guest's commands is the driver's own. */
  private isTarget({ origin }: TappedQueue, words: CommandWords): boolean {
    return origin === this.target.origin || commandName(words) === 'SYNC';
  }
}

type Spoiled = Parameters<CommandDefect['spoil']>[1];

/** The command never reaches the queue. */
export class Dropped extends CommandDefect {
  protected spoil(_queue: TappedQueue, { commands, mine }: Spoiled, forward: Forward): void {
    forward(commands.filter((words) => !mine(words)));
  }
}

/** The command comes, but behind the CMD_SYNC that should have completed it. */
export class Delayed extends CommandDefect {
  protected spoil(_queue: TappedQueue, { commands, mine }: Spoiled, forward: Forward): void {
    forward(commands.filter((words) => !mine(words)));
    forward(commands.filter(mine));
  }
}

/** The command comes before those that it has to wait for. */
export class Early extends CommandDefect {
  protected spoil(_queue: TappedQueue, { commands, mine }: Spoiled, forward: Forward): void {
    forward([...commands.filter(mine), ...commands.filter((words) => !mine(words))]);
  }
}

/** The command comes with whatever the driver issues next. */
export class Postponed extends CommandDefect {
  private readonly held = new Map<string, CommandWords[]>();

  protected override pass(queue: TappedQueue, commands: readonly CommandWords[], forward: Forward) {
    const held = this.held.get(queue.smmu) ?? [];
    this.held.delete(queue.smmu);
    if (held.length > 0) this.acted.add(this.position());
    forward([...held, ...commands]);
  }

  protected spoil(queue: TappedQueue, { commands, mine }: Spoiled, forward: Forward): void {
    this.held.set(queue.smmu, [...(this.held.get(queue.smmu) ?? []), ...commands.filter(mine)]);
    forward(commands.filter((words) => !mine(words)));
  }
}

/** The layout of any command. */
interface AnyLayout {
  mask(field: string): readonly bigint[];
  get(words: readonly bigint[], field: string): bigint;
  encode(values: Readonly<Record<string, bigint>>, rest: readonly bigint[]): readonly bigint[];
}

/** A field of the command has another value. */
export class Changed extends CommandDefect {
  constructor(
    target: Target & { readonly field: string; readonly change: (value: bigint) => bigint },
    position: () => number,
  ) {
    super(target, position);
    const { command, field, change } = target;
    const layout = COMMANDS[command].layout as unknown as AnyLayout;
    this.changed = (words) => {
      const mask = layout.mask(field);
      const rest = words.map((word, n) => word & ~(mask[n] ?? 0n));
      return layout.encode({ [field]: change(layout.get(words, field)) }, rest) as never;
    };
  }

  private readonly changed: (words: CommandWords) => CommandWords;

  protected spoil(_queue: TappedQueue, { commands, mine }: Spoiled, forward: Forward): void {
    forward(commands.map((words) => (mine(words) ? this.changed(words) : words)));
  }
}

/**
 * The words that the driver changed reach memory only after the commands that should have followed
 * them: the order of write and invalidation is the wrong way round.
 */
export class WrittenLate extends CommandDefect {
  private readonly changes = new Map<number, { lo: number; hi: number }>();
  private watched = new Set<unknown>();
  private undoing = false;

  override issue(queue: TappedQueue, commands: readonly CommandWords[], forward: Forward): void {
    if (!this.watched.has(queue.memory)) this.watch(queue);
    super.issue(queue, commands, forward);
    this.changes.clear();
  }

  protected spoil(queue: TappedQueue, { commands }: Spoiled, forward: Forward): void {
    const { memory } = queue;
    const late = [...this.changes].map(([pa, before]) => {
      const after = { lo: memory.readLo(pa), hi: memory.readHi(pa) };
      return { pa, before, after };
    });
    this.undoing = true;
    for (const { pa, before } of late) memory.writeWord(pa, before.lo, before.hi);
    this.undoing = false;
    forward(commands);
    this.undoing = true;
    for (const { pa, after } of late) memory.writeWord(pa, after.lo, after.hi);
    this.undoing = false;
  }

  private watch({ memory }: TappedQueue): void {
    this.watched.add(memory);
    memory.observe({
      written: (pa, before) => {
        if (!this.undoing && !this.changes.has(pa)) this.changes.set(pa, { ...before });
      },
      released: () => undefined,
    });
  }
}
