-- Read models: computed from the log, so they may be deleted and built again at any time. When one
-- of these tables is missing, all of them are created anew from the files named *.read-models.sql,
-- empty, with no checkpoint.

-- What the machine did in answer to a commit.
CREATE TABLE effects (
  position INTEGER NOT NULL,
  idx      INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  payload  TEXT NOT NULL, -- JSON
  words    BLOB,
  PRIMARY KEY (position, idx)
);

-- Who had which device attached to what, from when to when, by whose order.
CREATE TABLE attachments (
  span_id       INTEGER PRIMARY KEY,
  device        TEXT NOT NULL,
  vm            TEXT,             -- NULL: held by the host
  domain        TEXT,
  kind          TEXT NOT NULL,
  vste0         TEXT,             -- "0x" and 16 hex digits, as are the words below
  vste1         TEXT,
  ste           TEXT,             -- JSON array of the 8 words in force
  vmid          INTEGER,
  actor         TEXT NOT NULL,
  from_position INTEGER NOT NULL,
  from_at       TEXT NOT NULL,
  to_position   INTEGER,          -- NULL: still attached
  to_at         TEXT,
  began_by      TEXT NOT NULL,    -- command ids
  ended_by      TEXT
);

CREATE INDEX attachments_by_device ON attachments (device, from_position);
CREATE INDEX attachments_by_vm ON attachments (vm, from_position);

-- The last position each projection has applied, written in the same transaction as its rows.
CREATE TABLE checkpoints (
  projection TEXT PRIMARY KEY,
  position   INTEGER NOT NULL
);
