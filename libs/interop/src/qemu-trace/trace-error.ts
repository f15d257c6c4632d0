/** Kinds of recording that are understood as input but do not hold what a playable guest needs. */
export type UnsupportedReason = 'several-smmus' | 'no-phases' | 'queue-wrapped';

/** The trace is damaged. `line` is 1-based, as an editor counts. */
export class TraceError extends Error {
  constructor(
    readonly line: number,
    readonly problem: string,
  ) {
    super(`line ${line}: ${problem}`);
    this.name = 'TraceError';
  }
}

/** The command queue's JSON is damaged or belongs to another trace. `path` names the place, e.g. `phases[3].phase`. */
export class CmdqError extends Error {
  constructor(
    readonly path: string,
    readonly problem: string,
  ) {
    super(`${path}: ${problem}`);
    this.name = 'CmdqError';
  }
}

/** The SMMU instance asked for does not exist in the recording. */
export class NoSuchSmmu extends Error {
  constructor(
    readonly smmu: number,
    readonly instances: number,
  ) {
    super(`there is no SMMU instance ${smmu}: the recording has ${instances}, numbered from 0`);
    this.name = 'NoSuchSmmu';
  }
}

const UNSUPPORTED: Readonly<Record<UnsupportedReason, string>> = {
  'several-smmus':
    'the lines of several SMMUs are told apart by their raw commands; give the command queues too (--cmdq)',
  'no-phases':
    'this recording has no phases, so no STE is known; a host-side recording can be cross-checked, not played',
  'queue-wrapped':
    'the command queue ring wrapped while it was recorded, so its raw commands are incomplete',
};

/** A sound recording that lacks what is asked of it. Not damage: a runner skips it and says why. */
export class UnsupportedTrace extends Error {
  constructor(readonly reason: UnsupportedReason) {
    super(UNSUPPORTED[reason]);
    this.name = 'UnsupportedTrace';
  }
}
