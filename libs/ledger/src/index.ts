export { LedgerError } from './ledger-error';
export type { LedgerErrorCode } from './ledger-error';
export type { JsonObject, JsonValue } from './json';
export type {
  AppendResult,
  Archive,
  CommitDraft,
  CommitEvents,
  CommitHeader,
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
export { SnapshotStore, snapshotFile } from './snapshots/snapshot-store';
export type { Snapshot, SnapshotEntry } from './snapshots/snapshot-store';
export { ReadModels } from './read-models/read-models';
export { READ_MODELS } from './read-models/tables';
export { ReadModelsAside } from './read-models/aside';
export type { ReadModelsOptions } from './read-models/read-models';
export type { Effect, Effects, StoredEffect } from './read-models/effects';
export type { Digests, RecordedDigest } from './read-models/digests';
export type { Attempt, Attempts } from './read-models/attempts';
export type { Checkpoints } from './read-models/checkpoints';
export type {
  AttachmentEnd,
  AttachmentQuery,
  Attachments,
  AttachmentSpan,
  NewAttachmentSpan,
} from './read-models/attachments';
export { openCheckpoint, signCheckpoint, splitNotes } from './evidence/checkpoint';
export type { Checkpoint } from './evidence/checkpoint';
export { commitLeaf, CommitTree, compareWithCheckpoints } from './evidence/commit-tree';
export type { CheckpointFinding } from './evidence/commit-tree';
export { isConsistent, isIncluded } from './evidence/merkle-tree';
export type { Hash } from './evidence/merkle-tree';
export { isKeyName, parseVerifierKey, verifierKeyText } from './evidence/signed-note';
export type { SignerKey, VerifierKey } from './evidence/signed-note';
export { archiveHost } from './archive/archive-host';
export type { ArchiveOptions } from './archive/archive-host';
export { readArchive } from './archive/read-archive';
export type { CheckedArchive } from './archive/read-archive';
export { restoreArchive } from './archive/restore-archive';
export { proveSet, rootOfSet } from './evidence/set-inclusion';
export { headerAt } from './operations/header-at';
export { exportLog } from './operations/export-log';
export { importLog } from './operations/import-log';
export type { ImportTarget } from './operations/import-log';
export type { LogEnd } from './operations/interchange';
export { backUp, checkpointsFile, restore } from './operations/backup';
export type { Copied, CopyOptions } from './operations/backup';
export { writeBundle } from './operations/bundle';
export type { BundleManifest, BundleOptions } from './operations/bundle';
export { isBundle, openBundle } from './operations/open-bundle';
export type { OpenedBundle, UnpackOptions } from './operations/open-bundle';
export { examine } from './operations/doctor';
export type { DoctorFinding } from './operations/doctor';
