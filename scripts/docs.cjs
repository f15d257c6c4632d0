'use strict';
// npm run docs : builds what is out of date, then writes the generated tables of docs/ anew.
const { execFileSync } = require('node:child_process');
const path = require('node:path');
const { build } = require('./build.cjs');

build();
require('../dist/test/docs/main.js').main();
const root = path.resolve(__dirname, '..');
const prettier = path.join(root, 'node_modules/prettier/bin/prettier.cjs');
execFileSync(process.execPath, [prettier, '--write', 'docs', '--log-level', 'warn'], { cwd: root });
