/** Longest name (stream, type, host, actor, id …), in UTF-16 code units. */
export const NAME_LENGTH_MAX = 1024;

/** Most events, and most stream versions read, in one commit. */
export const EVENTS_PER_COMMIT_MAX = 65_536;

/** Longest JSON text of one column, in UTF-16 code units. */
export const JSON_LENGTH_MAX = 16 * 1024 * 1024;

/** Deepest nesting of a JSON value. */
export const JSON_DEPTH_MAX = 64;

/** Longest binary column, in bytes; SQLite itself stops at 1,000,000,000. */
export const WORDS_BYTES_MAX = 256 * 1024 * 1024;

/** Most appends that may wait for the writer before further ones are refused with `queue-full`. */
export const QUEUE_LIMIT = 8192;

/**
 * Commits handed to a writer thread at a time: few, so that it begins to write the first of a burst
 * while the others are still being encoded.
 */
export const PARCEL_COMMITS = 32;

/** Most commits in one transaction, so that the first of a burst does not wait for the last. */
export const BATCH_LIMIT = 1024;

/**
 * Commits, events or effects fetched at a time: a read never holds the database open for longer
 * than one page.
 */
export const PAGE_ROWS = 512;
