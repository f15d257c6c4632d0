'use strict';
// Installs what is missing, from the package registry alone: no install script may download anything.
// better-sqlite3 is compiled here, against the headers beside this Node; its own script would try to
// fetch a prebuilt binary first and can hang where nothing answers.
const { createHash } = require('node:crypto');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..');
const stamp = path.join(root, 'node_modules', '.steward-installed');
const addon = path.join(root, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node');

function run(command, args, cwd) {
  // Progress belongs on stderr: stdout is for the data of the command that follows.
  execFileSync(command, args, { cwd, stdio: ['ignore', process.stderr, process.stderr] });
}

function wanted() {
  const lock = fs.readFileSync(path.join(root, 'package-lock.json'));
  return createHash('sha256').update(lock).update(process.version).digest('hex');
}

function installed() {
  return (
    fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted() && fs.existsSync(addon)
  );
}

function loads() {
  try {
    execFileSync(process.execPath, ['-e', "new (require('better-sqlite3'))(':memory:')"], {
      cwd: root,
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

function compileSqlite() {
  const prefix = path.resolve(fs.realpathSync(process.execPath), '../..');
  if (!fs.existsSync(path.join(prefix, 'include/node/node.h'))) {
    throw new Error(`no Node headers in ${prefix}/include/node: install Node with its headers`);
  }
  process.stderr.write('compiling better-sqlite3 (about two minutes, once) ...\n');
  const gyp = path.join(root, 'node_modules/node-gyp/bin/node-gyp.js');
  const args = [gyp, 'rebuild', '--release', `--nodedir=${prefix}`];
  try {
    run(process.execPath, args, path.join(root, 'node_modules/better-sqlite3'));
  } catch {
    throw new Error('better-sqlite3 did not compile: it needs a C++ compiler, make and Python 3');
  }
}

/** Makes node_modules complete; takes milliseconds when it is. */
exports.install = function install() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(`Node ${process.version} is too old: Steward needs 20.19 or newer`);
  }
  if (installed()) return;
  if (!fs.existsSync(path.join(root, 'node_modules/.package-lock.json'))) {
    process.stderr.write('installing packages ...\n');
  }
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], root);
  if (!fs.existsSync(addon) || !loads()) compileSqlite();
  fs.writeFileSync(stamp, wanted());
};

if (require.main === module) exports.install();
