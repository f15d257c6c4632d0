export { machineCommit } from './machine-commit';
export { replay } from './replay';
export type { ChangedBehaviour, Divergence, ReplayResult } from './replay';
export { BackgroundSnapshots, type SnapshotThreadData } from './snapshots/background-snapshots';
export { HostHistory, historyVersion } from './snapshots/host-history';
export { SnapshotTaker, SNAPSHOT_PACE, type SnapshotPace } from './snapshots/snapshot-taker';
export { Snapshots, type LoggedHistory } from './snapshots/snapshots';
export { difference, type Difference } from './time-travel/difference';
export { States, type AggregateView, type Selection } from './time-travel/states';
export type { View, ViewObject } from './time-travel/state-view';
export { POSITION_FORMS, PositionError, resolvePosition } from './time-travel/position';
export {
  bisect,
  BisectBoundsError,
  type BisectResult,
  type Probe,
  type Verdict,
} from './bisect/bisect';
export {
  deviceAttached,
  digestDiffers,
  steFieldEquals,
  translationIs,
  type Predicate,
} from './bisect/predicates';
export { CHANGE_FORMS, ForkSyntaxError, parseChange, type Change } from './fork/changes';
export { Comparison, type Row, type SideTotals, type StepDifference } from './fork/comparison';
export { parseInsertions } from './fork/insertions';
export { ForkRefusedError } from './fork/fork-refused';
export {
  copyDecided,
  copyKept,
  findingsAfter,
  parting,
  type Inventory,
  type Parting,
} from './fork/kept-history';
export type { Aspect, Line, Recorded } from './fork/lines';
export {
  forkSteps,
  switchingSteps,
  type Edit,
  type Edits,
  type ForkStep,
  type Insertion,
} from './fork/steps';
export { causesOf, consequencesOf, type Cause, type Consequence } from './why/causes';
export { whyCached, type ExplainedEntry, type WhyCached } from './why/why-cached';
export { whyAnswer, type Looked } from './why/why-answer';
export {
  NothingToExplain,
  whyWords,
  type ExplainedWord,
  type WhyWords,
  type WordsQuestion,
} from './why/why-words';
export { Coherence, type CommitFindings, type HostWindow } from './coherence/coherence';
export { staleHistory, type StaleSummary } from './coherence/stale-history';
export { hostOfAggregate } from './time-travel/histories';
export { coherenceBroken, staleUsed } from './bisect/stale-predicates';
