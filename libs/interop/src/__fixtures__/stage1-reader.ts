import type { Expectation, Recording, RecordingStep } from '@steward/guest';
import {
  CD,
  COMMANDS,
  L1STD,
  REGISTERS,
  S1_LEAF_DESCRIPTOR,
  STE,
  TABLE_DESCRIPTOR,
  commandName,
  type CommandName,
  type CommandWords,
} from '@steward/smmu';

const ABORT: Expectation = { kind: 'abort' };

/**
 * Reads a recording's memory as an SMMU would, stage 1 with 4K tables only. Written for tests, from the formats alone.
 *
 * Two ways to read: `none` walks stream table, CD and tables anew for every access; `for-ever` keeps every STE, CD,
 * table descriptor and translation until a command names it, and takes a new STE only at a CFGI_STE, as a VMM does.
 * A recording whose words are right, and early enough but not too early, answers as the trace did in both.
 */
export class Stage1Reader {
  private readonly memory = new Map<number, bigint>();
  private base = 0n;
  private config = 0n;
  private readonly stes = new Map<number, bigint[]>();
  private readonly cds = new Map<number, bigint[]>();
  /** Cached descriptors: ASID, level and input address prefix. */
  private readonly descriptors = new Map<
    string,
    { asid: number; level: number; first: bigint; last: bigint; word: bigint }
  >();

  constructor(private readonly keeps: 'none' | 'for-ever') {}

  /** Applies a step that changes state. */
  apply(step: RecordingStep): void {
    if (step.kind === 'write') this.memory.set(step.ipa, step.word);
    if (step.kind === 'commands') for (const words of step.words) this.command(words);
    if (step.kind !== 'register') return;
    if (step.name === 'STRTAB_BASE') this.base = step.value;
    if (step.name === 'STRTAB_BASE_CFG') this.config = step.value;
  }

  /** The STE in force for a StreamID, all zero when no valid level-1 descriptor leads to it. */
  ste(vsid: number): bigint[] {
    if (this.keeps === 'for-ever') return this.stes.get(vsid) ?? new Array<bigint>(8).fill(0n);
    return this.steInMemory(vsid);
  }

  /** Where an access ends. */
  translate(vsid: number, iova: bigint): Expectation {
    const ste = this.ste(vsid);
    if (STE.get(ste, 'V') === 0n) return ABORT;
    switch (STE.nameOf(ste, 'Config')) {
      case 'BYPASS':
        return { kind: 'ok', ipa: Number(iova), readable: true, writable: true };
      case 'S1':
        return this.walk(this.cd(vsid, ste), iova);
      default:
        return ABORT;
    }
  }

  private steInMemory(vsid: number): bigint[] {
    const address = this.steAddress(vsid);
    return address === undefined ? new Array<bigint>(8).fill(0n) : this.words(address);
  }

  private steAddress(vsid: number): number | undefined {
    const field = (name: string) =>
      Number(REGISTERS.STRTAB_BASE_CFG.layout.get([this.config], name));
    const base = Number(REGISTERS.STRTAB_BASE.layout.get([this.base], 'ADDR'));
    if (field('FMT') === 0) return base + vsid * 64;
    const split = field('SPLIT');
    const l1 = [this.read(base + (vsid >> split) * 8)];
    const index = vsid & (2 ** split - 1);
    const span = Number(L1STD.get(l1, 'Span'));
    if (span === 0 || index >= 2 ** (span - 1)) return undefined;
    return Number(L1STD.get(l1, 'L2Ptr')) + index * 64;
  }

  private cd(vsid: number, ste: readonly bigint[]): bigint[] {
    const cached = this.cds.get(vsid);
    if (cached !== undefined) return cached;
    const words = this.words(Number(STE.get(ste, 'S1ContextPtr')));
    if (this.keeps === 'for-ever') this.cds.set(vsid, words);
    return words;
  }

  private walk(cd: readonly bigint[], iova: bigint): Expectation {
    if (CD.get(cd, 'V') === 0n || CD.get(cd, 'T0SZ') !== 16n || CD.get(cd, 'EPD0') !== 0n) {
      return ABORT;
    }
    const asid = Number(CD.get(cd, 'ASID'));
    let table = Number(CD.get(cd, 'TTB0'));
    for (let level = 0; level <= 3; level++) {
      const shift = BigInt(12 + 9 * (3 - level));
      const word = [this.descriptor(asid, level, iova >> shift, table)];
      if (TABLE_DESCRIPTOR.get(word, 'Valid') === 0n) return ABORT;
      if (level < 3 && TABLE_DESCRIPTOR.nameOf(word, 'Type') === 'TABLE') {
        table = Number(TABLE_DESCRIPTOR.get(word, 'NextLevelTable'));
        continue;
      }
      const offset = Number(iova & ((1n << shift) - 1n));
      const ap = S1_LEAF_DESCRIPTOR.nameOf(word, 'AP');
      return {
        kind: 'ok',
        ipa: Number(S1_LEAF_DESCRIPTOR.get(word, 'OutputAddress')) + offset,
        readable: ap === 'RW' || ap === 'RO',
        writable: ap === 'RW',
      };
    }
    return ABORT;
  }

  /** One descriptor, from the cache when it is there. Invalid descriptors are not cached. */
  private descriptor(asid: number, level: number, prefix: bigint, table: number): bigint {
    const key = `${asid}/${level}/${prefix}`;
    const cached = this.descriptors.get(key);
    if (cached !== undefined) return cached.word;
    const word = this.read(table + Number(prefix & 0x1ffn) * 8);
    if (this.keeps === 'for-ever' && (word & 1n) === 1n) {
      const shift = BigInt(12 + 9 * (3 - level));
      const first = prefix << shift;
      this.descriptors.set(key, { asid, level, first, last: first + (1n << shift) - 1n, word });
    }
    return word;
  }

  private command(words: CommandWords): void {
    const name = commandName(words);
    if (name === undefined || this.keeps === 'none') return;
    const field = (f: string) => fieldOf(name, words, f);
    const sid = Number(field('StreamID'));
    switch (name) {
      case 'CFGI_STE':
        this.stes.set(sid, this.steInMemory(sid));
        this.cds.delete(sid);
        return;
      case 'CFGI_CD':
        this.cds.delete(sid);
        return;
      case 'CFGI_STE_RANGE':
        this.stes.clear();
        this.cds.clear();
        return;
      case 'TLBI_NSNH_ALL':
        this.descriptors.clear();
        return;
      case 'TLBI_NH_ASID':
        this.drop((entry) => entry.asid === Number(field('ASID')));
        return;
      case 'TLBI_NH_VA': {
        const first = field('Address');
        const pages = field('TG') === 0n ? 1n : (field('NUM') + 1n) << field('SCALE');
        const last = first + (pages << 12n) - 1n;
        this.drop(
          (entry) =>
            entry.asid === Number(field('ASID')) &&
            entry.first <= last &&
            entry.last >= first &&
            (field('Leaf') === 0n || entry.level === 3),
        );
        return;
      }
      default:
        return;
    }
  }

  private drop(
    named: (entry: { asid: number; level: number; first: bigint; last: bigint }) => boolean,
  ): void {
    for (const [key, entry] of this.descriptors) if (named(entry)) this.descriptors.delete(key);
  }

  private words(address: number): bigint[] {
    return Array.from({ length: 8 }, (_, i) => this.read(address + i * 8));
  }

  private read(ipa: number): bigint {
    return this.memory.get(ipa) ?? 0n;
  }
}

function fieldOf(name: CommandName, words: CommandWords, field: string): bigint {
  const { layout } = COMMANDS[name];
  const { fields }: { fields: object } = layout;
  return Object.hasOwn(fields, field) ? layout.get(words, field as never) : 0n;
}

/** What a reading of a whole recording found. */
export interface Reading {
  readonly accesses: number;
  readonly phaseEndStes: number;
  readonly commands: number;
  /** Accesses and STEs that differ from the recording, as sentences. */
  readonly wrong: readonly string[];
}

/** Plays a recording on a fresh reader. */
export function readRecording(recording: Recording, keeps: 'none' | 'for-ever'): Reading {
  const reader = new Stage1Reader(keeps);
  const wrong: string[] = [];
  const counts = { accesses: 0, phaseEndStes: 0, commands: 0 };
  for (const [i, step] of recording.steps.entries()) {
    reader.apply(step);
    if (step.kind === 'commands') counts.commands += step.words.length;
    if (step.kind === 'dma') {
      counts.accesses += 1;
      const actual = reader.translate(step.vsid, step.iova);
      if (JSON.stringify(actual) !== JSON.stringify(step.expect)) {
        wrong.push(
          `step ${i}: 0x${step.vsid.toString(16)} 0x${step.iova.toString(16)}: ${JSON.stringify(actual)} instead of ${JSON.stringify(step.expect)}`,
        );
      }
    }
    if (step.kind === 'phase-end') {
      for (const { vsid } of recording.streams) {
        counts.phaseEndStes += 1;
        const expected = (step.stes.get(vsid) ?? new Array<bigint>(8).fill(0n)).join();
        if (reader.ste(vsid).join() !== expected) {
          wrong.push(`${step.name}: STE of 0x${vsid.toString(16)}`);
        }
      }
    }
  }
  return { ...counts, wrong };
}
