import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  checkpointsFile,
  CommitTree,
  headerAt,
  isKeyName,
  openCheckpoint,
  parseVerifierKey,
  signCheckpoint,
  splitNotes,
  verifierKeyText,
} from '@steward/ledger';
import type { Checkpoint, Ledger, SignerKey, VerifierKey } from '@steward/ledger';
import { CliError, EXIT } from '../exit-codes';
import { readText } from '../files';
import { positionOf, withLedger } from '../ledger-access';
import { withJsonOption, withLedgerOption } from '../options';
import { print, printJson } from '../output';

export function evidenceCommands(program: Command): void {
  withJsonOption(program.command('key').argument('<file>', 'file to write the private key to'))
    .description('make a key that signs checkpoints; prints the verifier key to pass on')
    .requiredOption('--name <origin>', 'name of the log, e.g. steward.example/lab')
    .action((file: string, flags: { name: string; json?: boolean }) => makeKey(file, flags));
  withLedgerOption(program.command('checkpoint'))
    .description('sign the tree over all commits so far, and write it beside the ledger')
    .requiredOption('--key <file>', 'a key made by `steward key`')
    .action((flags: CheckpointFlags) => checkpoint(flags));
  withLedgerOption(program.command('prove'))
    .description('prove to someone with a checkpoint that a commit is in the ledger')
    .argument('<position>', 'the commit')
    .option('--size <position>', 'of the tree of this many commits', 'latest')
    .action((position: string, flags: ProveFlags) => prove(position, flags));
}

function makeKey(file: string, { name, json }: { name: string; json?: boolean }): void {
  if (!isKeyName(name)) {
    throw new CliError(EXIT.usage, `--name "${name}": a name without blanks and plus`);
  }
  if (existsSync(file))
    throw new CliError(EXIT.refused, `${file} exists; a key is never overwritten`);
  const { privateKey: key } = generateKeyPairSync('ed25519');
  const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  writeFileSync(file, `${NAME_LINE}${name}\n${pem}`, { mode: 0o600, flag: 'wx' });
  const verifier = verifierKeyText({ name, key });
  if (json) printJson({ file, name, verifier });
  else print(verifier);
}

/** A key file is its name on the first line, then the key in PEM. */
const NAME_LINE = 'steward key ';

export function readKey(file: string): SignerKey {
  const text = readText(file, 'key');
  const [first = '', ...pem] = text.split('\n');
  if (!first.startsWith(NAME_LINE)) throw notAKey(file);
  return { name: first.slice(NAME_LINE.length), key: privateKey(file, pem.join('\n')) };
}

function privateKey(file: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Not PEM at all: the same message says what was expected.
  }
  throw notAKey(file);
}

function notAKey(file: string): CliError {
  return new CliError(EXIT.failed, `${file} is no key made by \`steward key\``);
}

interface CheckpointFlags {
  readonly ledger: string;
  readonly key: string;
  readonly json?: boolean;
}

async function checkpoint({ ledger: file, key, json }: CheckpointFlags): Promise<void> {
  const signer = readKey(key);
  await withLedger(file, 'read', async ({ ledger }) => {
    const tree = await CommitTree.of(ledger, await ledger.latest());
    const signed = { origin: signer.name, size: tree.size, root: tree.root() };
    const note = signCheckpoint(signed, signer);
    appendFileSync(checkpointsFile(file), note);
    const root = Buffer.from(signed.root).toString('base64');
    const verifier = verifierKeyText(signer);
    if (json) printJson({ ...signed, root, note, file: checkpointsFile(file), verifier });
    else print(`signed ${tree.size} commits, root ${root}, in ${checkpointsFile(file)}`);
  });
}

/**
 * Signs the tree over the commits each time `every` more are there, and once when it is told to stop.
 * @returns stops it; resolves when the last checkpoint is written.
 */
export async function signWhileAppending(
  ledger: Ledger,
  file: string,
  { key, every }: { readonly key: string; readonly every: number },
): Promise<() => Promise<void>> {
  const signer = readKey(key);
  const tree = await CommitTree.of(ledger, await ledger.latest());
  let signed = 0;
  const write = (): void => {
    const head = { origin: signer.name, size: tree.size, root: tree.root() };
    appendFileSync(checkpointsFile(file), signCheckpoint(head, signer));
    signed = tree.size;
  };
  const subscription = ledger.subscribe(tree.size, ({ hash }) => {
    tree.append(hash);
    if (tree.size - signed >= every) write();
  });
  return async () => {
    await subscription.reached(await ledger.latest());
    await subscription.stop();
    if (tree.size > signed) write();
  };
}

interface ProveFlags {
  readonly ledger: string;
  readonly size: string;
  readonly json?: boolean;
}

async function prove(text: string, flags: ProveFlags): Promise<void> {
  await withLedger(flags.ledger, 'read', async ({ ledger }) => {
    const position = await positionOf(text, ledger);
    const size = await positionOf(flags.size, ledger);
    if (position < 1 || position > size) {
      throw new CliError(EXIT.usage, `commit ${position} is not among the first ${size}`);
    }
    const tree = await CommitTree.of(ledger, size);
    const hash = (await headerAt(ledger, position))?.hash;
    const proof = tree.proveInclusion(position).map((node) => Buffer.from(node).toString('base64'));
    const root = Buffer.from(tree.root()).toString('base64');
    const found = { position, hash, index: position - 1, size, root, proof };
    if (flags.json) return printJson(found);
    print(`commit ${position} (leaf ${position - 1}), hash ${hash}`);
    print(`in the tree of ${size} commits, root ${root}, by these hashes from the leaf up:`);
    for (const node of proof) print(`  ${node}`);
  });
}

/**
 * The checkpoints beside a ledger that a verifier key signed, the last ones last.
 * @throws CliError when there is none: a ledger must not pass because its evidence is gone.
 */
export function signedCheckpoints(file: string, verifierText: string): readonly Checkpoint[] {
  const verifier: VerifierKey = parseVerifierKey(verifierText);
  const path = checkpointsFile(file);
  const opened = splitNotes(readText(path, 'checkpoints')).flatMap((note) => {
    const found = openCheckpoint(note, verifier);
    return found?.origin === verifier.name ? [found] : [];
  });
  if (opened.length > 0) return opened;
  throw new CliError(EXIT.failed, `${path} holds no checkpoint signed by ${verifier.name}`);
}
