export { AttachmentSpans } from './attachment-spans';
export type { SteOf } from './attachment-spans';
export { EffectTotals, isInvalidation } from './effect-totals';
export type { DmaTotals } from './effect-totals';
export { fanOutOf, noFanOut, REMOVED_KINDS } from './fan-out';
export type { Batch, FannedCommand, FanOut, RemovedKind } from './fan-out';
export { steView } from './ste-view';
export type { SteView } from './ste-view';
export { cachedFor } from './cached-entries';
export type { CachedEntry, CachedQuestion, MadeFrom } from './cached-entries';
export { translationPath } from './translation-path/translation-path';
export type { PathQuestion } from './translation-path/translation-path';
export type { PathEnd, PathEntry, PathWord, TranslationPath } from './translation-path/path-word';
export { entryText, explainViolation, type BrokenIn } from './coherence/explanation';
export {
  cachedEntryView,
  findingView,
  windowView,
  type EntryView,
  type FindingView,
  type ViolationView,
  type WindowView,
  type TimeOf,
} from './coherence/stale-view';
