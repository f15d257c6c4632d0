-- The same table with the unique index over streams turned round. A batch of commits goes to many streams, most of them at
-- about the same version: with the version first its entries stand together on a few pages, with the stream first each on a
-- page of its own, and every page that a commit changes is written to the log and synced. Versions have no gaps, so a
-- stream is read version by version (and the streams of a kind are those that have a version 1).

CREATE TABLE events_by_version (
  position INTEGER NOT NULL REFERENCES commits (position),
  idx      INTEGER NOT NULL CHECK (idx >= 0),     -- 0, 1, 2 … within the commit
  stream   TEXT NOT NULL,                         -- "kind/id"
  version  INTEGER NOT NULL CHECK (version >= 1), -- 1, 2, 3 … within the stream
  type     TEXT NOT NULL,
  schema   INTEGER NOT NULL CHECK (schema >= 1),  -- version of the event type
  payload  TEXT NOT NULL,                         -- JSON
  words    BLOB,
  UNIQUE (position, idx),
  UNIQUE (version, stream)
);

INSERT INTO events_by_version (rowid, position, idx, stream, version, type, schema, payload, words)
  SELECT rowid, position, idx, stream, version, type, schema, payload, words
  FROM events NOT INDEXED ORDER BY rowid;

DROP TABLE events;

ALTER TABLE events_by_version RENAME TO events;
