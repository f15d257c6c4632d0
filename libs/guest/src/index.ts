export { jsonPath } from './json-path';
export {
  INFERENCES,
  RECORDING_VERSION,
  RecordingError,
  type CommandsStep,
  type DmaStep,
  type Expectation,
  type Inference,
  type PageRange,
  type PhaseEndStep,
  type RecordedSmmu,
  type RecordedStream,
  type Recording,
  type RecordingSource,
  type RecordingStep,
  type RegisterStep,
  type WriteStep,
} from './recording';
export { formatStep } from './recording-steps';
export {
  countInferences,
  formatRecording,
  parseRecording,
  RecordingText,
  type RecordingDocument,
} from './recording-file';
export {
  MAX_ACTIVITY_OPS,
  UnplayableRecording,
  hasStage1,
  playRecording,
  type ActivityOp,
  type GuestAction,
  type GuestBinding,
} from './recorded-guest';
export {
  GuestKernel,
  type GuestDomain,
  type InvalidationStyle,
  type SimulatedAction,
} from './simulated/guest-kernel';
export { PAGE as GUEST_PAGE, type GuestMapping, type Store } from './simulated/stage1-table';
