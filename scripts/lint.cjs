'use strict';
// Every rule that is run, not remembered: formatting, lint, types, who may import whom.
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { install } = require('./install.cjs');

const root = path.resolve(__dirname, '..');
const CHECKS = [
  ['format', 'prettier/bin/prettier.cjs', ['--check', '.', '--log-level', 'warn']],
  ['lint', 'eslint/bin/eslint.js', ['apps', 'libs', 'test', '--max-warnings', '0']],
  ['types', 'typescript/bin/tsc', ['-p', 'tsconfig.json', '--noEmit']],
  [
    'architecture',
    'dependency-cruiser/bin/dependency-cruise.mjs',
    ['apps', 'libs', '--config', '.dependency-cruiser.cjs', '--output-type', 'err'],
  ],
];

/** Runs all checks, also after one failed. Returns whether every one passed. */
exports.lint = function lint() {
  return CHECKS.map(([name, bin, args]) => {
    const { status } = spawnSync(
      process.execPath,
      [path.join(root, 'node_modules', bin), ...args],
      { cwd: root, stdio: 'inherit' },
    );
    process.stdout.write(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}\n`);
    return status === 0;
  }).every(Boolean);
};

if (require.main === module) {
  install();
  process.exitCode = exports.lint() ? 0 : 1;
}
