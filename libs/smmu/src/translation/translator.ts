import { throughStage2 } from '../attributes/stage2-attributes';
import type { Tlb } from '../cache/tlb';
import type { TlbAddress } from '../cache/tlb-address';
import {
  attributesOf,
  entryAttributes,
  entryOrigin,
  granuleCodeOf,
  KIND_NESTED,
  levelOf,
  S1_CLEAN,
  S2_CLEAN,
  S2_DEVICE,
  STAGE1_ALL,
  STAGE2_ALL,
} from '../cache/tlb-info';
import type { Fault } from '../events/faults';
import type { PhysicalMemory } from '../memory/physical-memory';
import type { Provenance } from '../provenance/provenance';
import type { CachingRules } from './break-before-make';
import type { Stage1Context, Stage1Half, Stage2Context } from './context';
import type { InputAddress } from './input-address';
import type { Need } from './permissions';
import { Stage1Walker } from './stage1';
import { Stage2Walker } from './stage2';
import { TableCache } from './table-cache';

const STAGE1_FAULT = { stage: 1, class: 'IN' } as const;

/**
 * Translation of one transaction's address through the stages its stream enables, with the TLB in
 * front. The public fields hold the last successful translation.
 */
export class Translator {
  pa = 0;
  /** TLB information bits: what both stages permit. */
  info = 0;
  /** Stage-1 output and size of a translation that was not cached. */
  private ipa = 0;
  private sizeIndex = 0;
  readonly stage2: Stage2Walker;
  private readonly stage1: Stage1Walker;

  constructor(
    memory: PhysicalMemory,
    private readonly tlb: Tlb,
    private readonly rules: CachingRules,
    private readonly provenance?: Provenance,
  ) {
    this.stage2 = new Stage2Walker(memory, tlb, rules, provenance);
    const tables = new TableCache(tlb, rules.walkCaches, provenance);
    this.stage1 = new Stage1Walker(memory, this.stage2, tables, rules, provenance);
  }

  /** Stage 2 alone, of an input that is an IPA. */
  throughStage2(context: Stage2Context, input: InputAddress, need: Need): Fault | undefined {
    this.provenance?.begin();
    input.copyTo(this.stage2.at);
    const failed = this.stage2.translateAt(context, 'IN', need.stage2);
    if (failed !== undefined) return failed;
    this.pa = this.stage2.pa;
    this.info = this.stage2.info;
    return undefined;
  }

  /** Stage 1, and stage 2 behind it where the stream has one. */
  throughStage1(
    context: Stage1Context,
    input: InputAddress,
    need: Need,
    stage2: Stage2Context | undefined,
  ): Fault | undefined {
    const half = input.select(context);
    if (half === undefined || (half.unprivilegedFaults && !need.privileged)) {
      return { event: 'F_TRANSLATION', ...STAGE1_FAULT };
    }
    const id = this.lookup(context, input);
    if (this.rules.conflictsFault && this.conflict(context, input.at)) {
      return { event: 'F_TLB_CONFLICT', stage: 1 };
    }
    if (id >= 0 && (this.tlb.info(id) & need.stale) === 0) return this.hit(id, input.at, need);
    // A TLB may answer for a disabled half, a walk may not (IHI 0070 §5.4.1.1).
    if (half.disabled) return { event: 'F_TRANSLATION', ...STAGE1_FAULT };
    return this.miss(context, half, input, need, stage2, id >= 0);
  }

  /** Stage-1 output of an address and size of its translation, once that has succeeded. */
  cached(context: Stage1Context, input: InputAddress): { ipa: number; sizeIndex: number } {
    const id = this.lookup(context, input);
    if (id < 0) return { ipa: this.ipa, sizeIndex: this.sizeIndex };
    return { ipa: this.tlb.ipa(id, input.at), sizeIndex: this.tlb.sizeIndex(id) };
  }

  private lookup(context: Stage1Context, input: InputAddress): number {
    const { own, global } = context.spaces;
    const id = this.tlb.find(own, input.at);
    return id >= 0 ? id : this.tlb.find(global, input.at);
  }

  /** Whether several entries answer for an address: of several sizes, or one of them global. */
  private conflict({ spaces }: Stage1Context, at: TlbAddress): boolean {
    const { own, global } = spaces;
    const others = global === own ? 0 : this.tlb.covering(global, at);
    return this.tlb.covering(own, at) + others > 1;
  }

  private hit(id: number, at: TlbAddress, need: Need): Fault | undefined {
    this.provenance?.hit(id);
    const info = this.tlb.info(id);
    if ((info & need.stage1) !== need.stage1) return { event: 'F_PERMISSION', ...STAGE1_FAULT };
    if ((info & need.stage2) !== need.stage2) {
      return { event: 'F_PERMISSION', stage: 2, class: 'IN', ipa: this.tlb.ipa(id, at) };
    }
    this.pa = this.tlb.pa(id, at);
    this.info = info;
    return undefined;
  }

  /** Walks, and caches the translation in place of what was `found`. */
  private miss(
    context: Stage1Context,
    half: Stage1Half,
    input: InputAddress,
    need: Need,
    stage2: Stage2Context | undefined,
    found: boolean,
  ): Fault | undefined {
    this.provenance?.begin();
    const walk = this.stage1;
    const { at } = input;
    const failed = walk.walk(context, half, at, stage2);
    if (failed !== undefined) return failed;
    // A stage-1 permission fault comes before any stage-2 fault of the output (IHI 0070 §7.3.22).
    if ((walk.info & need.stage1) !== need.stage1) {
      return { event: 'F_PERMISSION', ...STAGE1_FAULT };
    }
    const forbidden = walk.update(context, need.stale !== 0, stage2);
    if (forbidden !== undefined) return forbidden;
    const ipa = walk.leafBase + at.offset(walk.sizeIndex);
    this.pa = ipa;
    this.info = walk.info;
    let sizeIndex = walk.sizeIndex;
    if (stage2 !== undefined) {
      const refused = this.stage2.translate(stage2, ipa, 'IN', need.stage2);
      if (refused !== undefined) return refused;
      this.pa = this.stage2.pa;
      this.info = combined(walk.info, this.stage2.info, stage2);
      sizeIndex = Math.min(sizeIndex, this.stage2.sizeIndex);
    }
    if (walk.fleeting || (stage2 !== undefined && this.stage2.fleeting)) {
      this.ipa = ipa;
      this.sizeIndex = sizeIndex;
      return undefined;
    }
    const space = walk.global ? context.spaces.global : context.spaces.own;
    if (found) this.tlb.replace(space, at, sizeIndex);
    const id = this.tlb.insert(space, at, sizeIndex, walk.sizeIndex, this.info);
    const offset = at.offset(sizeIndex);
    this.tlb.complete(id, this.pa - offset, ipa - offset);
    return undefined;
  }
}

/**
 * Permissions and attributes of both stages; level and granule are those of the stage-1 leaf, by which
 * invalidations name the entry.
 */
function combined(stage1: number, stage2: number, context: Stage2Context): number {
  const attributes = throughStage2(
    attributesOf(stage1),
    attributesOf(stage2),
    context.forcedWriteBack,
  );
  return (
    entryAttributes(attributes) |
    (stage1 & (STAGE1_ALL | S1_CLEAN)) |
    (stage2 & (STAGE2_ALL | S2_DEVICE | S2_CLEAN)) |
    entryOrigin(KIND_NESTED, levelOf(stage1), granuleCodeOf(stage1))
  );
}
