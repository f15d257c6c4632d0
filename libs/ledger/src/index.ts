export { LedgerError } from './ledger-error';
export type { LedgerErrorCode } from './ledger-error';
export type { JsonObject, JsonValue } from './json';
export type {
  AppendResult,
  CommitDraft,
  CommitListener,
  CommitRange,
  Ledger,
  NewEvent,
  Outcome,
  StoredCommit,
  StoredEvent,
  StreamRange,
  StreamRead,
  Subscription,
  Verification,
} from './port';
export { GENESIS_HASH } from './commit-hash';
export { MemoryLedger } from './memory-ledger';
export type { StoreLedgerOptions } from './store-ledger';
export { SqliteLedger } from './sqlite/sqlite-ledger';
export type { SqliteLedgerOptions } from './sqlite/sqlite-ledger';
export type { OpenMode } from './sqlite/connection';
export { ReadModels } from './read-models/read-models';
export type { ReadModelsOptions } from './read-models/read-models';
export type { Effect, Effects, StoredEffect } from './read-models/effects';
export type { Digests, RecordedDigest } from './read-models/digests';
export type { Checkpoints } from './read-models/checkpoints';
export type {
  AttachmentEnd,
  AttachmentQuery,
  Attachments,
  AttachmentSpan,
  NewAttachmentSpan,
} from './read-models/attachments';
