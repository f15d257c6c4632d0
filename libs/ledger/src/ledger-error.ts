/**
 * What went wrong with a ledger, for callers that must tell the cases apart:
 *
 * - `missing`: no file there, and the caller did not ask for one to be created.
 * - `not-a-ledger`: the file is something else, or an SQLite database that Steward did not create.
 * - `newer-version`: written by a later release, with migrations this one does not have.
 * - `older-version`: opened for reading, but what was asked for needs migrations that only a writer applies.
 * - `unknown-schema`: its recorded migrations are not the ones this release ships.
 * - `corrupt`: truncated or damaged, or a column holds what was never written there.
 * - `busy`: another process kept the file locked for longer than the busy timeout.
 * - `io`: the operating system refused (no space, no permission, read-only, input/output error).
 * - `outcome-unknown`: the disk failed while a commit was made durable, and went on failing, so that
 *   nobody can tell yet whether it is there; a retry with the same command id will.
 * - `read-only`: an append to a ledger opened for reading.
 * - `queue-full`: more appends waiting than the limit; nothing was written, so try again later.
 * - `closed`: used after close.
 * - `invalid-draft`: a commit that the ledger can't store exactly as given.
 * - `digest-mismatch`: another digest is already recorded at that position.
 * - `subscription-failed`: a subscription's listener threw; the cause is attached.
 * - `bad-migrations`: the migrations directory is not a numbered, working sequence.
 * - `not-durable`: SQLite does not hold the durability settings asked for.
 * - `sqlite-too-old`: linked against an SQLite with known WAL defects.
 * - `invalid-key`: not a key that checkpoints can be signed or checked with.
 * - `bad-export`: a text that is not a log as `exportLog` writes it, or whose hashes are wrong.
 * - `bad-bundle`: a file that is no bundle, or whose content is not what it says.
 * - `not-empty`: a log is imported into an empty ledger only.
 * - `exists`: a file that would be overwritten.
 * - `archived`: what was asked for was moved into an archive, which the message names.
 * - `not-archived`: an archive whose commits this ledger has not let go of.
 * - `bad-archive`: a file that is no archive, or whose content is not what it says.
 * - `tampered`: a copy was asked for of a ledger that does not verify.
 */
export type LedgerErrorCode =
  | 'missing'
  | 'not-a-ledger'
  | 'newer-version'
  | 'older-version'
  | 'unknown-schema'
  | 'corrupt'
  | 'busy'
  | 'io'
  | 'outcome-unknown'
  | 'read-only'
  | 'queue-full'
  | 'closed'
  | 'invalid-draft'
  | 'digest-mismatch'
  | 'subscription-failed'
  | 'bad-migrations'
  | 'not-durable'
  | 'sqlite-too-old'
  | 'invalid-key'
  | 'bad-export'
  | 'bad-bundle'
  | 'not-empty'
  | 'exists'
  | 'archived'
  | 'not-archived'
  | 'bad-archive'
  | 'tampered';

/**
 * The one error type of this room. The message names the file (where there is one), what is wrong
 * and what was expected.
 */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';

  constructor(
    readonly code: LedgerErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}
