'use strict';
// Compiles apps, libs and the test runners with swc into dist/, only when a source is newer.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { install } = require('./install.cjs');

const root = path.resolve(__dirname, '..');
const stamp = path.join(root, 'dist', '.built');
const SOURCES = ['apps', 'libs', 'test'];

function newestSource() {
  let newest = fs.statSync(path.join(root, '.swcrc')).mtimeMs;
  for (const top of SOURCES) {
    for (const entry of fs.readdirSync(path.join(root, top), { recursive: true })) {
      const file = path.join(root, top, entry);
      // A directory's time changes when a file in it is removed, so a deletion rebuilds too.
      if (entry.endsWith('.ts') || fs.statSync(file).isDirectory()) {
        newest = Math.max(newest, fs.statSync(file).mtimeMs);
      }
    }
  }
  return newest;
}

/** Installs and builds what is out of date. */
exports.build = function build() {
  install();
  if (fs.existsSync(stamp) && fs.statSync(stamp).mtimeMs >= newestSource()) return;
  fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const swc = path.join(root, 'node_modules/@swc/cli/bin/swc.js');
  const args = [swc, ...SOURCES, '-d', 'dist', '--ignore', '**/*.spec.ts', '--quiet'];
  execFileSync(process.execPath, args, { cwd: root, stdio: ['ignore', process.stderr, 'inherit'] });
  fs.writeFileSync(stamp, '');
};

if (require.main === module) exports.build();
