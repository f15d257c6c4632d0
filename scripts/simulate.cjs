'use strict';
// npm run --silent simulate -- [--seeds N] [--from SEED] [--steps M] [--faults on|off] [--mutant NAME|all] [--json] : builds what is out of date, then simulates.
const { build } = require('./build.cjs');

build();
require('../dist/test/simulation/main.js').main(process.argv.slice(2));
