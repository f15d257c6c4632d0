import type { Ledger } from '@steward/ledger';
import { Machine } from '@steward/machine';
import type { HostMachine } from '@steward/machine';
import { machineCommit } from '../machine-commit';

/** The machine alone, folded as far as one has gone: memory and hardware, without the aggregates. */
export class MachineStates {
  position = 0;
  private readonly machine = new Machine();
  private readonly hosts = new Set<string>();
  private readonly hostOf = new Map<string, string>();

  /**
   * Goes on to `position`, never back.
   * @param progress called with each position done.
   */
  async advance(
    ledger: Ledger,
    position: number,
    progress?: (position: number) => void,
  ): Promise<void> {
    for await (const commit of ledger.commits({ after: this.position, until: position })) {
      this.machine.apply(machineCommit(commit));
      for (const { type, payload } of commit.events) {
        if (type === 'HostRegistered') this.hosts.add(commit.host);
        if (type === 'DeviceAdded') this.hostOf.set(String(payload['device']), commit.host);
      }
      progress?.(commit.position);
    }
    this.position = position;
  }

  /** Name of the host that a device is in; undefined while there is no such device. */
  hostOfDevice(device: string): string | undefined {
    return this.hostOf.get(device);
  }

  /** A host; undefined while there is no such host. */
  host(id: string): HostMachine | undefined {
    return this.hosts.has(id) ? this.machine.host(id) : undefined;
  }
}
