'use strict';
// npm start: installs and builds what is missing, then runs the main job on a fresh ledger.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { build } = require('./build.cjs');

const root = path.resolve(__dirname, '..');
const ledger = path.join(root, '.steward/ledger.db');
const scenario = 'scenarios/linux-guests.yaml';

/** A ledger is evidence: the one of an earlier run is put aside under its time, never deleted. */
function putAside() {
  if (!fs.existsSync(ledger)) return;
  const stamp = fs.statSync(ledger).mtime.toISOString().replace(/[:.]/g, '-');
  for (const suffix of ['', '-wal', '-shm', '.snapshots']) {
    const file = ledger + suffix;
    if (fs.existsSync(file)) fs.renameSync(file, `${ledger.slice(0, -3)}-${stamp}.db${suffix}`);
  }
}

build();
putAside();
const { status } = spawnSync(
  process.execPath,
  [path.join(root, 'bin/steward'), 'run', scenario, '--check'],
  { cwd: root, stdio: 'inherit' },
);
if (status === 0) {
  process.stdout.write(`
Next:
  bin/steward audit attachments --device strict-a.0010   what strict-a.0010 was on, when, by whom
  bin/steward log device/strict-a.0010                   its events
  bin/steward show latest                                a commit: hex beside named fields
  bin/steward audit commands                             who asked what, and the answer
  bin/steward decode ste 0x000000004452d00f 0x0800d6     explain a stream table entry
`);
}
process.exitCode = status ?? 1;
