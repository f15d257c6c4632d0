'use strict';
// npm run campaign -- NAME [--json] : builds what is out of date, then runs one long check in full.
const { build } = require('./build.cjs');

build();
require('../dist/test/campaign/main.js').main(process.argv.slice(2));
