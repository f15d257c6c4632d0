import { Digest } from '../digest';
import { HostMachine } from '../host-machine';
import { MACHINE_VERSION } from '../version';
import { ByteReader, ByteWriter, SnapshotError } from './bytes';
import { decodeGraph } from './graph-decoder';
import { encodeGraph } from './graph-encoder';
import { MACHINE_CLASSES } from './state-classes';

let version: string | undefined;

/**
 * Names the code that can read a snapshot: the machine version and a digest over the source text of every class that
 * has state. A snapshot of other code is not looked at: the log gives the same state, only later.
 */
export function snapshotVersion(): string {
  if (version === undefined) {
    const text = new Digest();
    for (const [name, type] of MACHINE_CLASSES) text.text(name).text(String(type));
    version = `${MACHINE_VERSION}.${text.hex()}`;
  }
  return version;
}

/** One host's machine and the digest of its effects so far. */
export interface HostState {
  readonly machine: HostMachine;
  /** 32 hex digits. */
  readonly digest: string;
}

/** @throws SnapshotError for a machine that holds what no snapshot can. */
export function encodeHost(state: HostState): Uint8Array {
  const bytes = new ByteWriter();
  bytes.text(snapshotVersion());
  bytes.text(state.digest);
  bytes.block(encodeGraph(state.machine, MACHINE_CLASSES));
  return bytes.bytes();
}

/** @throws SnapshotError for bytes that this code did not write. */
export function decodeHost(bytes: Uint8Array): HostState {
  const reader = new ByteReader(bytes);
  const written = reader.text();
  if (written !== snapshotVersion()) {
    throw new SnapshotError(`a snapshot of ${written}; this is ${snapshotVersion()}`);
  }
  const digest = reader.text();
  const machine = decodeGraph(reader.block(), MACHINE_CLASSES);
  if (!(machine instanceof HostMachine)) throw new SnapshotError('a snapshot of no host');
  return { machine, digest };
}
