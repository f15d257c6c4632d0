import type { Ledger } from '@steward/ledger';
import type { HostMachine } from '@steward/machine';
import type { Wanted } from '../snapshots/host-history';
import type { Snapshots } from '../snapshots/snapshots';
import { Histories } from './histories';

/** The machine, and of the aggregates only the devices: which host is one in? */
const MACHINE: Wanted = { machine: true, selects: (kind) => kind === 'device' };

/** The machine alone, folded as far as one has gone: memory and hardware, without the aggregates. */
export class MachineStates {
  private readonly histories: Histories;

  /** @param snapshots where folding may begin; without them, at the first commit. */
  constructor(snapshots?: Snapshots) {
    this.histories = new Histories({ wanted: MACHINE, ...(snapshots && { snapshots }) });
  }

  /** The position gone to last; 0 at first. */
  get position(): number {
    return this.histories.position;
  }

  /**
   * Goes on to `position`, never back.
   * @param progress called with each position done.
   */
  async advance(
    ledger: Ledger,
    position: number,
    progress?: (position: number) => void,
  ): Promise<void> {
    await this.histories.advance(ledger, position, progress);
  }

  /** Name of the host that a device is in; undefined while there is no such device. */
  hostOfDevice(device: string): string | undefined {
    for (const [name, { aggregates }] of this.histories.hosts) {
      if (aggregates.has(`device/${device}`)) return name;
    }
    return undefined;
  }

  /** A host; undefined while there is no such host. */
  host(id: string): HostMachine | undefined {
    return this.histories.hosts.get(id)?.hostMachine;
  }
}
