import { STREAM_WORLD } from '../cache/stream-world';
import { L1CD } from '../formats/context-descriptor';
import type { Parts } from '../formats/field-reader';
import { L1STD } from '../formats/stream-table-descriptor';
import { featuresOf, type SmmuConfiguration } from '../registers/features';
import { readCd } from './cd-fields';
import { cdIllegality } from './cd-legality';
import { readSte, usesStage2 } from './ste-fields';
import { steIllegality, strwIsUsed } from './ste-legality';
import { LARGEST_SPAN } from './stream-table';

/**
 * Why a structure is ILLEGAL: the field the rule is about, and a sentence. "Not implemented" in it is the architecture's
 * term: the SMMU's identification registers do not offer the feature. What this model lacks is another matter, and an
 * UnsupportedFeatureError.
 */
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

/**
 * Why an L1STD or an L1CD leads to no structure, or undefined when it does (IHI 0070 §5.1, §5.3).
 * StreamIDs beyond an L1STD's span, and a span beyond STRTAB_BASE_CFG.SPLIT, are not regarded.
 */
export function whyDescriptorInvalid(
  kind: 'l1std' | 'l1cd',
  word: bigint,
  configuration: SmmuConfiguration,
): Illegality | undefined {
  if (kind === 'l1std') {
    const span = L1STD.get([word], 'Span');
    if (span === 0n) return { about: 'Span', why: 'the descriptor is invalid' };
    return span > LARGEST_SPAN ? { about: 'Span', why: 'the span is reserved' } : undefined;
  }
  if (L1CD.get([word], 'V') === 0n) return { about: 'V', why: 'the descriptor is not valid' };
  return L1CD.get([word], 'L2Ptr') >= BigInt(featuresOf(configuration).outputLimit)
    ? { about: 'L2Ptr', why: 'the pointer is beyond the address size' }
    : undefined;
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
