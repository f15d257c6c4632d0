import { POLICY_RULES, validateVste } from '@steward/host';
import {
  descriptorShape,
  STE,
  STE_CONFIG,
  whyCdIllegal,
  whyCommandIllegal,
  whyDescriptorInvalid,
  whySteIllegal,
  type DescriptorPlace,
  type DescriptorShape,
  type Illegality,
  type SmmuConfiguration,
} from '@steward/smmu';
import type { EntryKind } from '../decoded';

/** What hardware (of a vSTE: the kernel) makes of an entry. */
export interface Verdict {
  readonly legal: boolean;
  /** What happens when it is used though it is not legal: an event, an error code, an errno. */
  readonly consequence?: string;
  /** The field the broken rule is about, and a sentence. */
  readonly about?: string;
  readonly why?: string;
  readonly section: string;
}

/** What else the verdict depends on. */
export interface Circumstances {
  readonly smmu: SmmuConfiguration;
  /** Of a descriptor: where it lies. */
  readonly place: DescriptorPlace;
}

/** A CD is judged as one that a stream with stage 1 alone reaches. */
const STAGE1_STE = STE.encode({ V: 1n, Config: STE_CONFIG.S1 });

/** Judges an entry; undefined for an event record, which nobody judges. */
export function verdictOf(
  kind: EntryKind,
  words: readonly bigint[],
  { smmu, place }: Circumstances,
): Verdict | undefined {
  const [first = 0n, second = 0n] = words;
  switch (kind) {
    case 'ste':
      return verdict(whySteIllegal(words, smmu), 'C_BAD_STE', 'IHI 0070 §5.2.2');
    case 'cd':
      return verdict(whyCdIllegal(words, STAGE1_STE, smmu), 'C_BAD_CD', 'IHI 0070 §5.4.2');
    case 'cmd':
      return verdict(whyCommandIllegal([first, second], smmu), 'CERROR_ILL', 'IHI 0070 §4.1.3');
    case 'l1std':
      return verdict(whyDescriptorInvalid(kind, first, smmu), 'C_BAD_STREAMID', 'IHI 0070 §5.1');
    case 'l1cd':
      return verdict(whyDescriptorInvalid(kind, first, smmu), 'C_BAD_SUBSTREAMID', 'IHI 0070 §5.3');
    case 'vste': {
      const answer = validateVste([first, second], POLICY_RULES.mainline);
      const refused = answer.ok ? undefined : { about: 'vSTE', why: answer.why };
      return verdict(refused, 'EIO', 'Linux arm_smmu_validate_vste');
    }
    case 'table':
    case 's1leaf':
    case 's2leaf':
      return descriptorVerdict(kind, descriptorShape(first, place, smmu));
    case 'event':
      return undefined;
  }
}

function descriptorVerdict(kind: EntryKind, shape: DescriptorShape): Verdict {
  const section = 'DDI 0487 D8.3.1';
  const event = shape.illegality?.about === 'address' ? 'F_ADDR_SIZE' : 'F_TRANSLATION';
  if (shape.illegality !== undefined) return verdict(shape.illegality, event, section);
  if ((kind === 'table') === (shape.kind === 'table')) return verdict(undefined, event, section);
  const why = `at this level hardware takes it for a ${shape.kind} descriptor`;
  return { legal: false, about: 'Type', why, section };
}

function verdict(broken: Illegality | undefined, consequence: string, section: string): Verdict {
  return broken === undefined
    ? { legal: true, section }
    : { legal: false, consequence, ...broken, section };
}
