export { GUEST_BATCH, HostDriver } from './driver';
export type {
  AttachRequest,
  DeviceDescription,
  InvalidationAnswer,
  DomainMapping,
} from './requests';
export type { HostObserver, IdleTag, PageFault } from './observer';
export { HOST_STATE_CLASSES } from './state-classes';
export { HOST_POLICIES, POLICY_RULES } from './policy';
export type { HostPolicy, PolicyRules } from './policy';
export { whyNotAttach, whyNotAttachPasid } from './attach-rules';
export type { AttachQuestion, PasidQuestion } from './attach-rules';
export { UnsupportedSmmu, hardwareIdr, probe, stallsEnabled, usablePasidBits } from './probe';
export type { ForcedFeatures, IdrWords, Probe, SmmuDescription } from './probe';
export { composeSte } from './ste-composition';
export type { CdTableConfiguration, Stage2Configuration, SteTarget } from './ste-composition';
export { VSTE_WORD0_ALLOWED, VSTE_WORD1_ALLOWED, validateVste } from './vste-rules';
export type { VsteConfig, VsteVerdict, VsteWords } from './vste-rules';
export { STE_RULES, planEntryUpdate, usedBits } from './entry-update';
export { CD_RULES, composeCd } from './cd-composition';
export type { Stage1Configuration } from './cd-composition';
export type { EntryRules, EntryUpdate, EntryWords, SteWords } from './entry-update';
export type { GuestStream } from './attachment';
export { atcFlushPlan, invalidationPlan, tagFlushPlan } from './invalidation-plan';
export type { InvalidationFeatures } from './invalidation-plan';
export { isUsed, merge, purge, trashCount, unref } from './invalidation-array';
export type {
  CountedTarget,
  InvalidationArray,
  InvalidationTarget,
  TargetType,
} from './invalidation-array';
export type { Issue } from './issue';
export { convertGuestCommand } from './command-conversion';
export type { ConversionContext } from './command-conversion';
export { guestRecord } from './fault-events';
export { stage2Geometry } from './stage2-geometry';
export type { Stage2Geometry } from './stage2-geometry';
export type { FlushRequest, PageMapping } from './page-table';
export { PAGE_SIZE, PageAllocator } from './page-allocator';
export type { MemoryRegion } from './page-allocator';
export type { CommandTap, TappedQueue } from './command-tap';
export { ForgottenCommands } from './forgotten-commands';
