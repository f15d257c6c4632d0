export { Digest } from './digest';
export type { MachineEffect } from './effects';
export { GuestMemory } from './guest-memory';
export { GuestQueues } from './guest-queues';
export { HostMachine } from './host-machine';
export { combineDigests, Machine, MACHINE_VERSION } from './machine';
export type { Applied, MachineCommit } from './machine';
export { IoasMirror } from './ioas-mirror';
