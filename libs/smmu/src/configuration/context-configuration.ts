import { STREAM_WORLD } from '../cache/stream-world';
import type { TranslationCache } from '../cache/translation-cache';
import type { Parts } from '../formats/field-reader';
import { addressSize, type Features } from '../registers/features';
import type { Stage1Context, Stage1Half } from '../translation/context';
import {
  GRANULE_4K,
  granuleOfTg0,
  granuleOfTg1,
  startMaskOf,
  type Granule,
} from '../translation/granule';
import { alignedTableBase } from '../translation/table-base';
import { tableUpdates } from '../translation/table-updates';
import { readCd, type CdFields } from './cd-fields';
import { cdIllegality, walksDisabled } from './cd-legality';
import type { StreamConfiguration } from './stream-configuration';

const LARGEST = 2 ** 52;

/**
 * A CD as the engine uses it, decoded when it is fetched: a stage-1 context, or null for one that
 * is ILLEGAL.
 */
export type ContextConfiguration = Stage1Context | null;

/** Decodes a CD of sixteen 32-bit parts that was located through `stream`. */
export function decodeCd(
  parts: Parts,
  stream: StreamConfiguration,
  features: Features,
  caches: TranslationCache,
): ContextConfiguration {
  const cd = readCd(parts);
  const owner = {
    world: stream.world,
    stallDisabled: stream.stallDisabled,
    stage2Aarch32: false,
  };
  if (cdIllegality(cd, features, owner) !== undefined) return null;
  const updates = tableUpdates(cd.HA, cd.HD);
  const onePrivilege = stream.world === STREAM_WORLD.EL2;
  return {
    halves: [lowerHalf(cd, stream, features), onePrivilege ? undefined : upperHalf(cd, features)],
    outputLimit: 2 ** addressSize(cd.IPS, features),
    accessFlagFaults: !updates.accessFlag && cd.AFFD === 0,
    updates,
    onePrivilege,
    writeExecuteNever: cd.WXN === 1,
    privilegedAccessNever: cd.PAN === 1,
    enhancedAccessNever: features.epan && cd.EPAN === 1,
    mair: [cd.MAIR0, cd.MAIR1],
    bigEndian: cd.ENDI === 1,
    records: cd.R === 1,
    aborts: cd.A === 1,
    stalls: cd.S === 1,
    spaces: caches.stage1Spaces(stream.world, {
      vmid: stream.vmid,
      asid: cd.ASID,
      aset: cd.ASET,
    }),
  };
}

function lowerHalf(cd: CdFields, stream: StreamConfiguration, features: Features): Stage1Half {
  return half(
    {
      disabled: walksDisabled(cd.EPD0, stream.world),
      granule: granuleOfTg0(cd.TG0, features),
      txsz: cd.T0SZ,
      ttb: cd.TTB0,
      tbi: cd.TBI0,
      had: cd.HAD0,
      e0pd: stream.world === STREAM_WORLD.EL2 ? 0 : cd.E0PD0,
    },
    cd,
    features,
  );
}

function upperHalf(cd: CdFields, features: Features): Stage1Half {
  return half(
    {
      disabled: cd.EPD1 === 1,
      granule: granuleOfTg1(cd.TG1, features),
      txsz: cd.T1SZ,
      ttb: cd.TTB1,
      tbi: cd.TBI1,
      had: cd.HAD1,
      e0pd: cd.E0PD1,
    },
    cd,
    features,
  );
}

interface HalfFields {
  readonly disabled: boolean;
  readonly granule: Granule | undefined;
  readonly txsz: number;
  readonly ttb: number;
  readonly tbi: number;
  readonly had: number;
  readonly e0pd: number;
}

function half(fields: HalfFields, cd: CdFields, features: Features): Stage1Half {
  const { disabled } = fields;
  // EPDx=1: size, granule and base are IGNORED, so any canonical address may hit the TLB. A legal CD
  // has a granule for every half that is not disabled.
  const granule = disabled ? GRANULE_4K : fields.granule!;
  const inputBits = disabled ? 52 : 64 - fields.txsz;
  const startLevel = 3 - Math.floor((inputBits - 1 - granule.pageShift) / granule.stride);
  const outputBits = addressSize(cd.IPS, features);
  const table = { granule, startLevel, inputBits, outputBits };
  // One literal, because walks are fast only where all halves have one hidden class.
  return {
    disabled,
    granule,
    startLevel,
    startMask: startMaskOf(granule, startLevel, inputBits),
    inputBits,
    base: alignedTableBase(fields.ttb % LARGEST, table),
    ignoresTopByte: fields.tbi === 1,
    hierarchical: !(features.had && fields.had === 1),
    unprivilegedFaults: features.e0pd && fields.e0pd === 1,
  };
}
