import type { CommandTap, TappedQueue } from '@steward/host';
import { COMMANDS, opcodeOf, type CommandWords } from '@steward/smmu';

type Forward = (commands: readonly CommandWords[]) => void;

/** Where an SMMU may read ahead. */
export type HotAccesses = (smmu: string) => Iterable<{ streamId: number; address: bigint }>;

/**
 * Hardware at its worst: whenever the driver has shown an SMMU a CMD_SYNC, everything that its devices
 * might want is fetched and translated anew, so what is invalidated too early is cached again at once.
 */
export class Adversary implements CommandTap {
  constructor(
    private readonly hot: HotAccesses,
    /** What else the commands pass: a defect. */
    private readonly inner?: CommandTap,
  ) {}

  issue(queue: TappedQueue, commands: readonly CommandWords[], forward: Forward): void {
    const shown: Forward = (list) => {
      for (const batch of upToEachSync(list)) {
        forward(batch);
        for (const access of this.hot(queue.smmu)) queue.hardware.prefetch(access);
      }
    };
    if (this.inner === undefined) shown(commands);
    else this.inner.issue(queue, commands, shown);
  }
}

function* upToEachSync(commands: readonly CommandWords[]): Generator<CommandWords[]> {
  let batch: CommandWords[] = [];
  for (const words of commands) {
    batch.push(words);
    if (opcodeOf(words) !== COMMANDS.SYNC.opcode) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
