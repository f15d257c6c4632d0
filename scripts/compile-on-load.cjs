'use strict';
// For threads and processes that a test starts from the sources: compiles TypeScript as it is required, and keeps the
// result beside the dependencies, so that only the first one pays for it. What is built runs from dist without it.
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..');
const cache = path.join(root, 'node_modules/.cache/steward-compiled');

function compiled(file) {
  const source = fs.readFileSync(file, 'utf8');
  const key = createHash('sha256').update(`${file}\0${source}`).digest('hex');
  const kept = path.join(cache, `${key}.cjs`);
  if (fs.existsSync(kept)) return fs.readFileSync(kept, 'utf8');
  const { code } = require('@swc/core').transformFileSync(file, {
    cwd: root,
    sourceMaps: 'inline',
  });
  fs.mkdirSync(cache, { recursive: true });
  // Renamed into place: another thread may be reading the same name.
  const mine = `${kept}.${process.pid}.${Math.random()}`;
  fs.writeFileSync(mine, code);
  fs.renameSync(mine, kept);
  return code;
}

require.extensions['.ts'] = (module, file) => module._compile(compiled(file), file);
