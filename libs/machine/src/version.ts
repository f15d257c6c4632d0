/** A version of the machine, and why it computes other digests than the one before. */
export interface MachineVersion {
  readonly version: string;
  /** The behaviour that changed, and why. */
  readonly changed: string;
}

/**
 * Every version of the machine that has recorded digests, oldest first. Whoever changes what the same log makes the
 * machine do adds one: an old digest is either reproduced, or it is said here why not.
 */
export const MACHINE_VERSIONS: readonly [MachineVersion, ...MachineVersion[]] = [
  { version: '1', changed: 'The first.' },
];

/** Names the code that computed a digest. */
export const MACHINE_VERSION = (MACHINE_VERSIONS.at(-1) ?? MACHINE_VERSIONS[0]).version;
