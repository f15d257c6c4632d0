-- Spans of attachments say more, and there are refused attempts. Read models of before lack that: all of them are computed
-- from the log anew.

ALTER TABLE attachments ADD COLUMN command TEXT;      -- type of the command that began it
ALTER TABLE attachments ADD COLUMN parent TEXT;       -- stage-2 parent at or below the domain
ALTER TABLE attachments ADD COLUMN vsmmu TEXT;        -- vSMMU that the device's vDEVICE belongs to
ALTER TABLE attachments ADD COLUMN asid INTEGER;      -- of a stage-1 domain of the kernel's own
ALTER TABLE attachments ADD COLUMN ats INTEGER;       -- 1: the STE in force lets ATS requests translate
ALTER TABLE attachments ADD COLUMN ste_before TEXT;   -- JSON array of the 8 words in force before
ALTER TABLE attachments ADD COLUMN stes_at_sync TEXT; -- JSON array of such arrays: what stood in memory at each CMD_CFGI_STE

CREATE INDEX attachments_by_parent ON attachments (parent, from_position);
CREATE INDEX attachments_by_vsmmu ON attachments (vsmmu, from_position);

-- Commands about a device that were refused.
CREATE TABLE attempts (
  position   INTEGER PRIMARY KEY,
  device     TEXT NOT NULL,
  at         TEXT NOT NULL,
  actor      TEXT NOT NULL,
  command_id TEXT NOT NULL,
  command    TEXT NOT NULL, -- JSON
  errno      TEXT NOT NULL,
  code       TEXT NOT NULL,
  reason     TEXT NOT NULL
);

CREATE INDEX attempts_by_device ON attempts (device, position);

DELETE FROM effects;
DELETE FROM attachments;
DELETE FROM checkpoints;
