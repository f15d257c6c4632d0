import type { CommandTap, TappedQueue } from '@steward/host';
import type { CommandWords } from '@steward/smmu';

type Forward = (commands: readonly CommandWords[]) => void;

/** Makes an SMMU, and the devices behind it, read ahead. */
export interface Reader {
  readAhead(queue: TappedQueue): void;
}

/**
 * Hardware at its worst: whenever an SMMU has consumed a command, everything that its devices might
 * want is fetched and translated anew, so what is invalidated too early is cached again at once.
 */
export class Adversary implements CommandTap {
  constructor(
    private readonly reader: Reader,
    /** What else the commands pass: a defect. */
    private readonly inner?: CommandTap,
  ) {}

  issue(queue: TappedQueue, commands: readonly CommandWords[], forward: Forward): void {
    const shown: Forward = (list) => {
      for (const words of list) {
        forward([words]);
        this.reader.readAhead(queue);
      }
    };
    if (this.inner === undefined) shown(commands);
    else this.inner.issue(queue, commands, shown);
  }
}
