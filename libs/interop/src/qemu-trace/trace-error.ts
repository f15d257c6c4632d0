/** Kinds of recording that are understood as input but that this release does not turn into a playable guest. */
export type UnsupportedReason = 'several-smmus' | 'stage-2-only' | 'no-phases' | 'queue-wrapped';

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
    'recordings with several SMMUs interleave them in one trace; they come with the replay-and-audit release',
  'stage-2-only':
    'the SMMU of this recording has no stage 1 (IDR0.S1P = 0); such guests are played bare from the replay-and-audit release on',
  'no-phases':
    'this recording has no phases, so no STE is known; host-side recordings are cross-checked from the replay-and-audit release on',
  'queue-wrapped':
    'the command queue ring wrapped while it was recorded, so its raw commands are incomplete',
};

/** A sound recording of a kind that this release does not model. Not damage: a runner skips it and says why. */
export class UnsupportedTrace extends Error {
  constructor(readonly reason: UnsupportedReason) {
    super(UNSUPPORTED[reason]);
    this.name = 'UnsupportedTrace';
  }
}
