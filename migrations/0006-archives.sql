-- Hosts whose commits were moved into an archive. Of each such commit the row in `commits` stays, with its position, host,
-- time, actor, ids and hashes, so that the chain has no gap; command and outcome are the JSON `null`, and its events are in
-- the archive alone.

CREATE TABLE archives (
  host        TEXT PRIMARY KEY,
  commits     INTEGER NOT NULL,
  events      INTEGER NOT NULL,
  headers     TEXT NOT NULL, -- SHA-256 over what stays of these commits, hex
  file        TEXT NOT NULL, -- the archive's name when it was written
  sha256      TEXT NOT NULL, -- of that file, hex
  archived_at TEXT NOT NULL  -- RFC 3339, UTC
);

-- Streams whose events are in an archive: nothing is appended to them any more.
CREATE TABLE archived_streams (
  stream TEXT PRIMARY KEY,
  host   TEXT NOT NULL REFERENCES archives (host)
);
