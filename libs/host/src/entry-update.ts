import { STE } from '@steward/smmu';

/** Eight little-endian 64-bit words of a stream table entry (IHI 0070 §5.2) or a context descriptor (§5.4). */
export type EntryWords = readonly bigint[];
/** An entry that is an STE. */
export type SteWords = EntryWords;

/** What the update of one kind of entry has to know of it (Linux `struct arm_smmu_entry_writer_ops`). */
export interface EntryRules {
  /** The bits that hardware looks at, given what the entry says. */
  usedBits(entry: EntryWords): bigint[];
  /** Bits that may change together with the rest although both entries use them. */
  safeBits(current: EntryWords, target: EntryWords): bigint[];
}

const WORDS = 8;
const INVALID: EntryWords = Array.from({ length: WORDS }, () => 0n);

/** Linux gives S1ContextPtr and S2TTB address bits [51:0] only (arm-smmu-v3.h, `STRTAB_STE_*_MASK`). */
const ADDRESS_BITS = (1n << 52n) - 1n;

const V = STE.mask('V');
const CONFIG = STE.mask('V', 'Config');
const STAGE1 = STE.mask(
  'S1Fmt',
  'S1CDMax',
  'S1DSS',
  'S1CIR',
  'S1COR',
  'S1CSH',
  'S1STALLD',
  'STRW',
  'EATS',
  'MEV',
  'S2VMID',
);
STAGE1[0]! |= STE.mask('S1ContextPtr')[0]! & ADDRESS_BITS;
const STAGE2 = STE.mask(
  'S2FWB',
  'EATS',
  'SHCFG',
  'MEV',
  'S2VMID',
  'S2T0SZ',
  'S2SL0',
  'S2IR0',
  'S2OR0',
  'S2SH0',
  'S2TG',
  'S2PS',
  'S2AA64',
  'S2ENDI',
  'S2PTW',
  'S2S',
  'S2R',
);
STAGE2[3]! |= STE.mask('S2TTB')[3]! & ADDRESS_BITS;
const SHCFG = STE.mask('SHCFG');
const MEV = STE.mask('MEV');
const EATS_FULL = STE.encode({ EATS: 1n });

const CONFIG_STAGE1 = 0b001n;
const CONFIG_STAGE2 = 0b010n;
const CONFIG_BYPASS = 0b100n;
const S1DSS_BYPASS = 1n;
const EATS_SPLIT = 0b10n;

/** The bits of an STE that hardware looks at, given what the entry says (Linux `arm_smmu_get_ste_used`). */
export function usedBits(ste: SteWords): bigint[] {
  if (STE.get(ste, 'V') === 0n) return [...V];
  const used = [...CONFIG];
  const config = STE.get(ste, 'Config');
  if ((config & CONFIG_STAGE1) !== 0n) {
    add(used, STAGE1);
    // Traffic that bypasses stage 1 takes its shareability from SHCFG (IHI 0070 §13.5).
    if (STE.get(ste, 'S1DSS') === S1DSS_BYPASS) add(used, SHCFG);
  }
  if ((config & CONFIG_STAGE2) !== 0n) add(used, STAGE2);
  if (config === CONFIG_BYPASS) add(used, SHCFG);
  return used;
}

/**
 * Bits that may change together with the rest although both entries use them (Linux
 * `arm_smmu_get_ste_update_safe`): MEV only changes how many events are recorded, and full ATS changes while ATS is
 * off at the device. EATS is not safe beside split-stage ATS or S2S: EATS=1 with S2S=1 is ILLEGAL (IHI 0070 §5.2).
 */
function safeBits(current: SteWords, target: SteWords): bigint[] {
  const safe = [...MEV];
  const either = (field: 'EATS' | 'S2S'): bigint =>
    STE.get(current, field) | STE.get(target, field);
  if ((either('EATS') & EATS_SPLIT) === 0n && either('S2S') === 0n) add(safe, EATS_FULL);
  return safe;
}

/** Which bits of an STE matter. */
export const STE_RULES: EntryRules = { usedBits, safeBits };

/** What an update does: the entry as it stands in memory at each sync, and whether no transaction can be aborted. */
export interface EntryUpdate {
  /** The whole entry at each CMD_CFGI_STE or CMD_CFGI_CD + CMD_SYNC, in order. Empty when nothing changes. */
  readonly steps: readonly EntryWords[];
  /** False when the entry is invalid (V=0) at some step. */
  readonly hitless: boolean;
}

/**
 * Plans the replacement of one STE or CD by another while hardware may fetch it, dword by dword and in any order
 * (IHI 0070 §3.21.3; Linux `arm_smmu_write_entry`). At each step the used bits are those of the old or of the new entry.
 * @throws RangeError when the target sets a bit that hardware would not look at: such an entry is a composition bug.
 */
export function planEntryUpdate(
  current: EntryWords,
  target: EntryWords,
  rules: EntryRules = STE_RULES,
): EntryUpdate {
  const { intermediate, critical } = compare(current, target, rules);
  const entry = [...current];
  const steps: EntryWords[] = [];
  const set = (from: readonly bigint[], first: number, count: number): void => {
    let changed = false;
    for (let i = first; i < first + count; i++) {
      if (entry[i] === from[i]) continue;
      entry[i] = from[i]!;
      changed = true;
    }
    if (changed) steps.push([...entry]);
  };
  const [only, ...others] = critical;
  if (others.length > 0) {
    set(INVALID, 0, 1);
    set(target, 1, WORDS - 1);
    set(target, 0, 1);
  } else {
    if (only !== undefined) {
      // The critical dword is written whole in the next step; leaving it alone here can save a sync.
      intermediate[only] = current[only]!;
      set(intermediate, 0, WORDS);
      set(target, only, 1);
    }
    set(target, 0, WORDS);
  }
  // Nothing but its valid bit is looked at in an entry of zeros.
  const valid = rules.usedBits(INVALID);
  const isValid = (step: EntryWords): boolean => step.some((word, i) => (word & valid[i]!) !== 0n);
  return { steps, hitless: steps.every(isValid) };
}

/** The entry with every currently unused bit already at its target, and the dwords that then still differ. */
function compare(
  current: EntryWords,
  target: EntryWords,
  rules: EntryRules,
): { intermediate: bigint[]; critical: number[] } {
  const currentUsed = rules.usedBits(current);
  const targetUsed = rules.usedBits(target);
  const safe = rules.safeBits(current, target);
  const intermediate: bigint[] = [];
  const critical: number[] = [];
  for (let i = 0; i < WORDS; i++) {
    const wanted = target[i]!;
    if ((wanted & ~targetUsed[i]!) !== 0n) {
      throw new RangeError(
        `the target entry sets unused bits in dword ${i}: ${wanted.toString(16)}`,
      );
    }
    // A safe bit that only one entry uses is ordered like any other.
    const fixed = currentUsed[i]! & ~(safe[i]! & currentUsed[i]! & targetUsed[i]!);
    intermediate[i] = (current[i]! & fixed) | (wanted & ~fixed);
    if ((intermediate[i]! & targetUsed[i]!) !== wanted) critical.push(i);
  }
  return { intermediate, critical };
}

function add(into: bigint[], mask: readonly bigint[]): void {
  for (let i = 0; i < WORDS; i++) into[i]! |= mask[i]!;
}
