import type Database from 'better-sqlite3';

/** Columns of `commits` under the names of CommitRow. */
export const COMMIT_COLUMNS = `position, host, at, actor, command_id AS commandId, command,
  command_words AS commandWords, outcome, correlation_id AS correlationId,
  causation_id AS causationId, prev_hash AS prevHash, hash`;

/** Columns of `events` under the names of EventRow. */
export const EVENT_COLUMNS = 'position, idx, stream, version, type, schema, payload, words';

/** Parameters of a page of rows: after (exclusive), until (inclusive), at most. */
export type PageParameters = [after: number, until: number, limit: number];

/**
 * Prepares statements on first use, so that a connection can be opened on a ledger whose other
 * tables are gone.
 */
export function lazily<Parameters extends unknown[], Row>(
  db: Database.Database,
  sql: string,
): () => Database.Statement<Parameters, Row> {
  let statement: Database.Statement<Parameters, Row> | undefined;
  return () => (statement ??= db.prepare<Parameters, Row>(sql));
}
