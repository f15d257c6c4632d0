import type { HostMachine } from '@steward/machine';
import type { Wanted } from '../snapshots/host-history';
import type { LoggedHistory } from '../snapshots/snapshots';
import { Histories, hostOfAggregate, type Progress } from './histories';

/** The machine, and of the aggregates only the devices: which of them are there? */
const MACHINE: Wanted = { machine: true, selects: (kind) => kind === 'device' };

/** One host's machine at a position: memory and hardware, without the aggregates. */
export class MachineStates {
  private readonly histories: Histories;

  constructor(
    history: LoggedHistory,
    readonly host: string,
  ) {
    this.histories = new Histories(history, { wanted: MACHINE, host });
  }

  /** Of the host that a device is in; undefined where the log never has it. */
  static async ofDevice(
    history: LoggedHistory,
    device: string,
  ): Promise<MachineStates | undefined> {
    const host = await hostOfAggregate(history.ledger, `device/${device}`);
    return host === undefined ? undefined : new MachineStates(history, host);
  }

  /** Goes to `position`, forwards or back. */
  async moveTo(position: number, progress?: Progress): Promise<void> {
    await this.histories.moveTo(position, progress);
  }

  /** Whether there is a device. */
  hasDevice(device: string): boolean {
    return this.histories.hosts.get(this.host)?.aggregates.has(`device/${device}`) ?? false;
  }

  /** The machine; undefined while no event has registered the host. */
  get machine(): HostMachine | undefined {
    return this.histories.hosts.get(this.host)?.hostMachine;
  }
}
