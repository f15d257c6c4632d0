-- The log. Every row is written once and never changed; `steward verify` recomputes the hashes from
-- these bytes. Hashes are lower-case hex. 64-bit words inside JSON are "0x…" strings; bulk words
-- are in the BLOB beside it.

CREATE TABLE commits (
  position       INTEGER PRIMARY KEY CHECK (position >= 1), -- 1, 2, 3 …, no gaps
  host           TEXT NOT NULL,
  at             TEXT NOT NULL,        -- RFC 3339, UTC
  actor          TEXT NOT NULL,
  command_id     TEXT NOT NULL UNIQUE, -- a retry finds its first answer here
  command        TEXT NOT NULL,        -- JSON
  command_words  BLOB,
  outcome        TEXT NOT NULL,        -- JSON: {"ok":true,…} or {"ok":false,"errno":…}
  correlation_id TEXT,
  causation_id   TEXT,
  prev_hash      TEXT NOT NULL,        -- of position - 1; 64 zeros at position 1
  hash           TEXT NOT NULL         -- SHA-256 over this commit and its events
);

CREATE INDEX commits_by_host ON commits (host, position);

-- Rows are inserted in the order of (position, idx), so a scan by rowid is a scan of the log.
CREATE TABLE events (
  position INTEGER NOT NULL REFERENCES commits (position),
  idx      INTEGER NOT NULL CHECK (idx >= 0),     -- 0, 1, 2 … within the commit
  stream   TEXT NOT NULL,                         -- "kind/id"
  version  INTEGER NOT NULL CHECK (version >= 1), -- 1, 2, 3 … within the stream
  type     TEXT NOT NULL,
  schema   INTEGER NOT NULL CHECK (schema >= 1),  -- version of the event type
  payload  TEXT NOT NULL,                         -- JSON
  words    BLOB,
  UNIQUE (position, idx),
  UNIQUE (stream, version)
);

-- What the machine's state hashed to after a commit. Not a projection: no rebuild touches it. It
-- has no foreign key, so that a digest that outlives its commit still tells of it.
CREATE TABLE digests (
  position        INTEGER PRIMARY KEY,
  host            TEXT NOT NULL,
  machine_version TEXT NOT NULL,
  digest          TEXT NOT NULL
);
