'use strict';
// npm run --silent conformance -- SUITE PATH… : builds what is out of date, then runs the suite.
const { build } = require('./build.cjs');

build();
require('../dist/test/conformance/main.js').main(process.argv.slice(2));
