import type { Inference, RecordingStep } from '@steward/guest';
import { announcementOf } from './announcements';
import { ABORT_STE, type EntryWrite } from './entry-inference';
import type { StreamTable } from './stream-table';
import type { Moment, PhaseEndMoment } from './moments';

/** The steps of a recording, and what about them needs a person's eye, as sentences. */
export interface Assembly {
  readonly steps: readonly RecordingStep[];
  readonly notes: readonly string[];
}

/**
 * Puts the inferred writes in their places between the moments. Only words that differ from what the guest's memory
 * holds at that point become writes; memory the recording never wrote reads as zero.
 */
export function assemble(
  moments: readonly Moment[],
  entries: readonly EntryWrite[],
  table: StreamTable,
  streams: readonly number[],
): Assembly {
  const assembler = new Assembler(table, streams);
  const writesBefore = new Map<number, EntryWrite[]>();
  for (const write of entries) {
    const list = writesBefore.get(write.before);
    if (list === undefined) writesBefore.set(write.before, [write]);
    else list.push(write);
  }
  for (const [at, moment] of moments.entries()) {
    assembler.at = at;
    assembler.announceTables(moment);
    const writes = writesBefore.get(at) ?? [];
    // A CD is complete before an STE leads to it.
    for (const write of writes) if (write.entry === 'cd') assembler.writeEntry(write);
    for (const write of writes) if (write.entry === 'ste') assembler.writeEntry(write);
    assembler.add(moment);
  }
  return { steps: assembler.steps, notes: [...assembler.notes] };
}

class Assembler {
  readonly steps: RecordingStep[] = [];
  readonly notes = new Set<string>();
  at = 0;
  private readonly memory = new Map<number, bigint>();

  constructor(
    private readonly table: StreamTable,
    private readonly streams: readonly number[],
  ) {}

  /** Makes the level-2 table of every StreamID that the moment names exist. */
  announceTables(moment: Moment): void {
    if (moment.kind === 'stream-table') this.writeLevel1(moment.vsid);
    if (moment.kind !== 'commands') return;
    for (const words of moment.words) {
      const announcement = announcementOf(words);
      if (announcement?.single === true) this.writeLevel1(announcement.first);
    }
  }

  writeEntry(write: EntryWrite): void {
    const address = write.entry === 'cd' ? write.cd : this.steAddress(write);
    if (address === undefined) return;
    if (write.rule === 'unannounced' && this.differs(address, write.words)) {
      const line = `StreamID 0x${write.vsid.toString(16)}`;
      this.notes.add(`the ${write.entry.toUpperCase()} of ${line} changed with no CFGI command`);
    }
    // Word 0 holds V and Config, so it goes last, as a driver does it.
    for (const i of [1, 2, 3, 4, 5, 6, 7, 0]) {
      this.write(address + i * 8, write.words[i] ?? 0n, write.rule);
    }
  }

  add(moment: Moment): void {
    switch (moment.kind) {
      case 'register':
        this.steps.push({ kind: 'register', name: moment.name, value: moment.value });
        return;
      case 'commands':
        this.steps.push({ kind: 'commands', words: moment.words });
        return;
      case 'table-word':
        this.write(moment.ipa, moment.word, 'pte');
        return;
      case 'dma': {
        const { vsid, iova, write, expect } = moment;
        this.steps.push({ kind: 'dma', vsid, iova, write, expect });
        return;
      }
      case 'phase-end':
        this.addPhaseEnd(moment);
        return;
      case 'stream-table':
      case 'cd':
      case 'stage2-table':
        return;
    }
  }

  private addPhaseEnd({ phase }: PhaseEndMoment): void {
    const stes = new Map([...phase.entries].map(([vsid, { ste }]) => [vsid, ste]));
    for (const [vsid, ste] of stes) {
      const address = this.table.place(vsid, this.at)?.ste;
      if (address === undefined || this.differs(address, ste)) {
        const where = `at the end of ${phase.name}`;
        this.notes.add(`the STE of StreamID 0x${vsid.toString(16)} ${where} has no known place`);
      }
    }
    this.steps.push({ kind: 'phase-end', name: phase.name, stes });
  }

  private steAddress({ vsid, words }: EntryWrite): number | undefined {
    const isZero = words.every((word) => word === 0n);
    const place = this.table.place(vsid, this.at);
    // An absent STE asks for no level-2 table: until a command names the stream there may be none.
    if (isZero && (place?.l1 === undefined || this.read(place.l1.ipa) !== place.l1.word)) {
      return place?.l1 === undefined ? place?.ste : undefined;
    }
    if (place === undefined) {
      this.notes.add(
        `the STE of StreamID 0x${vsid.toString(16)} is not placed: no walk of the recording went through its level-1 descriptor, so its level-2 table is unknown`,
      );
      return undefined;
    }
    this.writeLevel1(vsid);
    return place.ste;
  }

  /** Linux fills a new level-2 table with abort STEs, then lets the level-1 descriptor point to it. */
  private writeLevel1(vsid: number): void {
    const l1 = this.table.place(vsid, this.at)?.l1;
    if (l1 === undefined || this.read(l1.ipa) === l1.word) return;
    for (const stream of this.streams) {
      const place = this.table.place(stream, this.at);
      if (place?.l1?.ipa !== l1.ipa) continue;
      for (const [i, word] of ABORT_STE.entries()) {
        this.write(place.ste + i * 8, word, 'ste-initial');
      }
    }
    this.write(l1.ipa, l1.word, 'l1std');
  }

  private differs(address: number, words: readonly bigint[]): boolean {
    return words.some((word, i) => this.read(address + i * 8) !== word);
  }

  private read(ipa: number): bigint {
    return this.memory.get(ipa) ?? 0n;
  }

  private write(ipa: number, word: bigint, inferred: Inference): void {
    if (this.read(ipa) === word) return;
    this.memory.set(ipa, word);
    this.steps.push({ kind: 'write', ipa, word, inferred });
  }
}
