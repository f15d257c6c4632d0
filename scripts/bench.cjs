'use strict';
// npm run --silent bench -- [PREFIX…] [--json] [--quick] : builds what is out of date, then measures.
const { build } = require('./build.cjs');

build();
require('../dist/test/bench/main.js').main(process.argv.slice(2));
