export { machineCommit } from './machine-commit';
export { replay } from './replay';
export type { Divergence, ReplayResult } from './replay';
