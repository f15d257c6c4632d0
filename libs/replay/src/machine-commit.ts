import { eventOf } from '@steward/domain';
import type { CommitEvents } from '@steward/ledger';
import type { MachineCommit } from '@steward/machine';

/** A stored commit in the shape the machine folds. */
export function machineCommit(commit: CommitEvents): MachineCommit {
  return {
    position: commit.position,
    host: commit.host,
    events: commit.events.map((e) => ({ stream: e.stream, event: eventOf(e) })),
  };
}
