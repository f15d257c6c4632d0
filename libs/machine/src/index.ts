export { Digest } from './digest';
export { EventRefused } from './event-refused';
export type { MachineEffect } from './effects';
export { GuestMemory } from './guest-memory';
export { GuestQueues } from './guest-queues';
export { HostMachine } from './host-machine';
export { combineDigests, Machine } from './machine';
export { SnapshotError } from './snapshot/bytes';
export { decodeGraph } from './snapshot/graph-decoder';
export { encodeGraph } from './snapshot/graph-encoder';
export { snapshotVersion } from './snapshot/host-snapshot';
export { MACHINE_VERSION, MACHINE_VERSIONS } from './version';
export type { MachineVersion } from './version';
export { CoherenceChecker } from './coherence/coherence-checker';
export { addTotals, brokenRules, NO_TOTALS, subtractTotals } from './coherence/findings';
export type {
  Culprit,
  Finding,
  Moment,
  Owner,
  Rule,
  StaleEntry,
  StaleTotals,
  StaleUse,
  StaleWindow,
  Violation,
} from './coherence/findings';
export type { Applied, MachineCommit, MachineOptions } from './machine';
export { IoasMirror } from './ioas-mirror';
