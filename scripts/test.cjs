'use strict';
// npm test: installs, builds, then lint, types, architecture rules and every jest test.
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { build } = require('./build.cjs');
const { lint } = require('./lint.cjs');

const root = path.resolve(__dirname, '..');
build();
const clean = lint();
const jest = path.join(root, 'node_modules/jest/bin/jest.js');
const { status } = spawnSync(process.execPath, [jest, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exitCode = clean && status === 0 ? 0 : 1;
