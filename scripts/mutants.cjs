'use strict';
// npm run mutants -- ROOM [--json] [--only ID] : builds what is out of date, then checks a room's mutants.
const { build } = require('./build.cjs');

build();
require('../dist/test/mutants/main.js').main(process.argv.slice(2));
