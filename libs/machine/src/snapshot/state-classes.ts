import { HOST_STATE_CLASSES } from '@steward/host';
import { SMMU_STATE_CLASSES } from '@steward/smmu';
import { CoherenceChecker } from '../coherence/coherence-checker';
import { RamOwners } from '../coherence/ram-owners';
import { OpenWindow, StaleWindows } from '../coherence/stale-windows';
import { EffectRecorder } from '../effect-recorder';
import { GuestMemory } from '../guest-memory';
import { GuestQueues } from '../guest-queues';
import { IoasMirror } from '../ioas-mirror';
import { HostMachine } from '../host-machine';
import { Vsmmus } from '../vsmmus';
import type { StateClasses } from './object-graph';

const ROOMS = {
  smmu: SMMU_STATE_CLASSES,
  host: HOST_STATE_CLASSES,
  machine: [
    CoherenceChecker,
    EffectRecorder,
    GuestMemory,
    GuestQueues,
    HostMachine,
    IoasMirror,
    OpenWindow,
    RamOwners,
    StaleWindows,
    Vsmmus,
  ],
} as const;

/**
 * The classes that a host's machine consists of, by `room.Class`. Their fields are the state: a field may hold
 * anything but functions.
 */
export const MACHINE_CLASSES: StateClasses = new Map(
  Object.entries(ROOMS).flatMap(([room, classes]) =>
    classes.map((type) => [`${room}.${type.name}`, type] as const),
  ),
);
