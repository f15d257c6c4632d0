import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { LedgerError } from '../ledger-error';

/*
 * Signed notes (C2SP signed-note): a text, an empty line, and signature lines `— NAME BASE64`, where the base64 holds
 * four bytes that tell keys apart and the signature of the text. Keys are Ed25519 (algorithm byte 0x01).
 */

/** A key that checks signatures, as others pass it on: `NAME+KEYID+BASE64`. */
export interface VerifierKey {
  readonly name: string;
  /** 8 hex digits. */
  readonly id: string;
  readonly key: KeyObject;
}

/** A key that signs, with its name. */
export interface SignerKey {
  readonly name: string;
  /** An Ed25519 private key. */
  readonly key: KeyObject;
}

const ED25519 = 0x01;
const KEY_BYTES = 32;
const ID_BYTES = 4;
/** What an Ed25519 public key has in front of its 32 bytes in SubjectPublicKeyInfo (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Whether a text may name a key: not empty, no blanks, no plus. */
export function isKeyName(name: string): boolean {
  return /^[^\s+]+$/u.test(name);
}

/** The verifier key that belongs to a signer, as text. */
export function verifierKeyText({ name, key }: SignerKey): string {
  const tagged = taggedPublicKey(createPublicKey(key));
  return `${name}+${keyId(name, tagged).toString('hex')}+${tagged.toString('base64')}`;
}

/** Reads a verifier key. @throws LedgerError `invalid-key` saying what is wrong with it. */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name = '', id = '', base64 = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  const tagged = Buffer.from(base64, 'base64');
  if (name === '' || tagged.length !== 1 + KEY_BYTES || tagged[0] !== ED25519) {
    throw new LedgerError('invalid-key', 'expected an Ed25519 verifier key, NAME+KEYID+BASE64');
  }
  if (keyId(name, tagged).toString('hex') !== id) {
    throw new LedgerError('invalid-key', `the key of ${name} does not have the id ${id}`);
  }
  const der = Buffer.concat([SPKI_PREFIX, tagged.subarray(1)]);
  return { name, id, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/** Signs a text that ends with a line end. @throws RangeError for one that does not. */
export function signNote(text: string, signer: SignerKey): string {
  if (!text.endsWith('\n')) throw new RangeError('a note ends with a line end');
  const id = keyId(signer.name, taggedPublicKey(createPublicKey(signer.key)));
  const signature = sign(null, Buffer.from(text, 'utf8'), signer.key);
  return `${text}\n— ${signer.name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

/** The text of a note that a key signed; undefined when it did not, or what it signed was another text. */
export function verifiedText(note: string, verifier: VerifierKey): string | undefined {
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return undefined;
  const text = note.slice(0, split + 1);
  for (const line of note.slice(split + 2).split('\n')) {
    const [, name, base64 = ''] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    const bytes = Buffer.from(base64, 'base64');
    if (name !== verifier.name || bytes.toString('hex', 0, ID_BYTES) !== verifier.id) continue;
    if (verify(null, Buffer.from(text, 'utf8'), verifier.key, bytes.subarray(ID_BYTES)))
      return text;
  }
  return undefined;
}

function taggedPublicKey(key: KeyObject): Buffer {
  const der = key.export({ format: 'der', type: 'spki' });
  return Buffer.concat([Buffer.of(ED25519), der.subarray(SPKI_PREFIX.length)]);
}

function keyId(name: string, tagged: Uint8Array): Buffer {
  const hash = createHash('sha256').update(name).update('\n').update(tagged).digest();
  return hash.subarray(0, ID_BYTES);
}
