export {
  address,
  bit,
  bits,
  layout,
  type Field,
  type FieldView,
  type Layout,
  type Values,
} from './formats/layout';
export { hex64 } from './formats/hex';
export { STE, STE_CONFIG } from './formats/ste';
export { CD, L1CD } from './formats/context-descriptor';
export { L1STD } from './formats/stream-table-descriptor';
export {
  S1_LEAF_DESCRIPTOR,
  S2_LEAF_DESCRIPTOR,
  TABLE_DESCRIPTOR,
} from './formats/translation-descriptor';
export {
  COMMANDS,
  commandName,
  encodeCommand,
  opcodeOf,
  type CommandFormat,
  type CommandName,
  type CommandWords,
} from './formats/commands';
export {
  EVENTS,
  EVENT_CLASS,
  encodeEvent,
  eventName,
  type EventFormat,
  type EventName,
} from './formats/event-records';
export { REGISTERS, type RegisterFormat, type RegisterName } from './formats/registers';
export { PhysicalMemory, type MemoryObserver } from './memory/physical-memory';
export type { Region } from './memory/regions';
export type { StalledTransaction } from './stalls/stalled-transactions';
export type { MemoryAttributes } from './attributes/memory-attributes';
export type { Outcome, Transaction } from './transaction';
export { Smmu } from './smmu';
export { SMMU_STATE_CLASSES } from './state-classes';
export {
  AddressTranslationCache,
  type AtcEntry,
  type AtcSpan,
  type AtcTag,
} from './ats/address-translation-cache';
export { AtsDevice, type DeviceAccess, type DeviceOutcome } from './ats/ats-device';
export type {
  TranslationCompletion,
  TranslationGranted,
  TranslationRequest,
} from './ats/translation-request';
export type { CompletionSignal, SmmuObserver } from './observer';
export type { CachedEntry, CachedTranslation, EntryKey } from './provenance/cached-entry';
export type { MadeFrom } from './provenance/provenance';
export type { ChangedWord, StalenessWatcher } from './provenance/provenance';
export type { Caching } from './cache/caching';
export type { Removed } from './cache/removed';
export type { SmmuConfiguration } from './registers/features';
export {
  UnsupportedFeatureError,
  unsupportedFeatures,
  type UnsupportedFeature,
} from './registers/unsupported';
export { whyCommandIllegal } from './commands/command-legality';
export {
  whyCdIllegal,
  whyDescriptorInvalid,
  whySteIllegal,
  type Illegality,
} from './configuration/legality';
export {
  descriptorShape,
  type DescriptorPlace,
  type DescriptorShape,
} from './translation/descriptor-shape';
