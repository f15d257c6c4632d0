import { STREAM_WORLD } from '../cache/translation-cache';
import type { Parts } from '../formats/field-reader';
import { featuresOf, type SmmuConfiguration } from '../registers/features';
import { readCd } from './cd-fields';
import { cdIllegality } from './cd-legality';
import { readSte, usesStage2 } from './ste-fields';
import { steIllegality, strwIsUsed } from './ste-legality';

/** Why a structure is ILLEGAL: the field the rule is about, and a sentence. */
export interface Illegality {
  readonly about: string;
  readonly why: string;
}

/**
 * Why an STE of eight words is ILLEGAL on an SMMU, or undefined when it is not (IHI 0070 §5.2.2).
 */
export function whySteIllegal(
  words: readonly bigint[],
  configuration: SmmuConfiguration,
): Illegality | undefined {
  return named(steIllegality(readSte(parts(words)), featuresOf(configuration)));
}

/**
 * Why a CD of eight words is ILLEGAL on an SMMU, or undefined when it is not (IHI 0070 §5.4.2). It
 * depends on the STE that locates the CD.
 */
export function whyCdIllegal(
  words: readonly bigint[],
  steWords: readonly bigint[],
  configuration: SmmuConfiguration,
): Illegality | undefined {
  const features = featuresOf(configuration);
  const ste = readSte(parts(steWords));
  const hypervisor = strwIsUsed(ste, features) && ste.STRW !== 0;
  return named(
    cdIllegality(readCd(parts(words)), features, {
      world: hypervisor ? STREAM_WORLD.EL2 : STREAM_WORLD.NS_EL1,
      stallDisabled: ste.S1STALLD === 1,
      stage2Aarch32: usesStage2(ste) && ste.S2AA64 === 0,
    }),
  );
}

function named(rule: Illegality | undefined): Illegality | undefined {
  return rule === undefined ? undefined : { about: rule.about, why: rule.why };
}

function parts(words: readonly bigint[]): Parts {
  const values = new Uint32Array(16);
  words.slice(0, 8).forEach((word, n) => {
    values[n * 2] = Number(BigInt.asUintN(32, word));
    values[n * 2 + 1] = Number(BigInt.asUintN(32, word >> 32n));
  });
  return values;
}
