import {
  COMMANDS,
  commandName,
  opcodeOf,
  type CommandFormat,
  type CommandWords,
} from '@steward/smmu';
import { readCommands, type CommandText } from './command-text';
import type { TraceFields, TraceLine } from './events';
import type { ParsedTrace } from './lines';

/** One place where the trace and the raw command disagree. */
export interface Finding {
  /** Line of the trace, 1-based. */
  readonly line: number;
  /** Index of the command in the queue. */
  readonly command: number;
  readonly field: string;
  readonly text: string;
  readonly raw: string;
}

/** What was compared. A command with no finding agrees with its raw words in every field its lines show. */
export interface CrossCheck {
  /** Number of commands compared: every one that the trace or the queue has. */
  readonly commands: number;
  readonly findings: readonly Finding[];
}

/**
 * Compares every line the trace prints for a command with the raw command words: the k-th command of the trace
 * against the k-th of the queue. A range TLBI may print several lines; together they must cover its range exactly.
 */
export function crossCheck(trace: ParsedTrace, commands: readonly CommandWords[]): CrossCheck {
  const texts = readCommands(trace.lines);
  const ring = ringSize(trace.lines);
  const count = Math.max(texts.length, commands.length);
  const findings: Finding[] = [];
  for (let k = 0; k < count; k++) {
    const text = texts[k];
    const words = commands[k];
    if (text === undefined || words === undefined) {
      findings.push({
        line: text?.line ?? trace.total,
        command: k,
        field: 'command',
        text: text?.name ?? 'nothing',
        raw: words === undefined ? 'nothing' : nameOf(words),
      });
      continue;
    }
    for (const difference of disagreements(text, words, { index: k, ring })) {
      findings.push({ command: k, ...difference });
    }
  }
  return { commands: count, findings };
}

type Difference = Omit<Finding, 'command'>;

/**
 * Every field in which a command's lines disagree with its raw words.
 * @param place the command's index in its queue, and how many commands the queue's ring holds.
 */
export function disagreements(
  text: CommandText,
  words: CommandWords,
  place: { readonly index: number; readonly ring: number },
): Difference[] {
  return [
    ...queuePointers(text, place.index, place.ring),
    ...opcode(text, words),
    ...details(text, words),
    ...rangeCover(text, words),
  ];
}

/** A field of a line and what the raw command says it should be. */
type Comparison = readonly [field: string, text: number | bigint, raw: number | bigint | undefined];

function differences(line: number, comparisons: readonly Comparison[]): Difference[] {
  return comparisons
    .filter(([, text, raw]) => raw === undefined || BigInt(text) !== BigInt(raw))
    .map(([field, text, raw]) => ({ line, field, text: show(text), raw: show(raw) }));
}

function opcode(text: CommandText, words: CommandWords): Difference[] {
  const name = nameOf(words);
  if (text.name === name) return [];
  return [{ line: text.line, field: 'opcode', text: text.name, raw: name }];
}

function queuePointers(text: CommandText, k: number, ring: number): Difference[] {
  const { consume, consumed } = text;
  const found: Difference[] = [];
  if (consume !== undefined) {
    found.push(
      ...differences(consume.line, [
        ['cons', consume.fields.cons, k % ring],
        ['cons.wrap', consume.fields.consWrap, Math.floor(k / ring) % 2],
      ]),
    );
  }
  if (consumed !== undefined) {
    found.push(...differences(consumed.line, [['cons', consumed.fields.cons, (k + 1) % ring]]));
  }
  return found;
}

function details(text: CommandText, words: CommandWords): Difference[] {
  return text.details.flatMap((detail) => differences(detail.line, compare(detail, words)));
}

/** The fields of a detail line beside those of the raw command; a field the command does not have is a difference. */
function compare(detail: TraceLine, words: CommandWords): Comparison[] {
  const raw = (field: string) => fieldOf(words, field);
  switch (detail.event) {
    case 'smmuv3_cmdq_cfgi_ste':
    case 'smmuv3_cmdq_cfgi_cd':
    case 'smmu_config_cache_inv':
      return [['sid', detail.fields.sid, raw('StreamID')]];
    case 'smmuv3_cmdq_cfgi_ste_range':
    case 'smmu_configs_inv_sid_range':
      return streamRange(detail.fields, words);
    case 'smmuv3_cmdq_tlbi_nh_asid':
      return [['asid', detail.fields.asid, raw('ASID')]];
    case 'smmu_iotlb_inv_asid_vmid':
      return [['asid', detail.fields.asid, raw('ASID')], ...vmid(detail.fields, words)];
    case 'smmuv3_cmdq_tlbi_nh':
    case 'smmuv3_cmdq_tlbi_s12_vmid':
    case 'smmu_iotlb_inv_vmid':
    case 'smmu_iotlb_inv_vmid_s1':
      return vmid(detail.fields, words);
    case 'smmuv3_unhandled_cmd':
      return [['type', detail.fields.opcode, opcodeOf(words)]];
    case 'smmuv3_range_inval':
      return rangePiece(detail.fields, words);
    default:
      return [];
  }
}

/** QEMU prints VMID -1 where its SMMU has no stage 2 and the field is not considered. */
function vmid(fields: { readonly vmid: number }, words: CommandWords): Comparison[] {
  return fields.vmid === -1 ? [] : [['vmid', fields.vmid, fieldOf(words, 'VMID')]];
}

/** CFGI_STE_RANGE covers 2^(Range + 1) StreamIDs, aligned to their number (IHI 0070 §4.3.2). */
function streamRange(
  fields: { readonly start: number; readonly end: number },
  words: CommandWords,
): Comparison[] {
  const sid = fieldOf(words, 'StreamID');
  const range = fieldOf(words, 'Range');
  if (sid === undefined || range === undefined) return [['range', fields.start, undefined]];
  const mask = (1n << (range + 1n)) - 1n;
  const start = sid & ~mask;
  return [
    ['start', fields.start, start],
    ['end', fields.end, start + mask],
  ];
}

function rangePiece(fields: TraceFields<'smmuv3_range_inval'>, words: CommandWords): Comparison[] {
  const raw = (field: string) => fieldOf(words, field);
  const asid: Comparison[] = fields.asid === -1 ? [] : [['asid', fields.asid, raw('ASID')]];
  // ASID -1: a command that has none (TLBI_NH_VAA, TLBI_S2_IPA).
  const unexpected: Comparison[] =
    fields.asid === -1 && raw('ASID') !== undefined ? [['asid', -1, raw('ASID')]] : [];
  return [
    ...vmid(fields, words),
    ...asid,
    ...unexpected,
    ['tg', fields.tg, raw('TG')],
    ['ttl', fields.ttl, raw('TTL')],
    ['leaf', fields.leaf, raw('Leaf')],
    ['stage', fields.stage, commandName(words) === 'TLBI_S2_IPA' ? 2 : 1],
  ];
}

/** The pieces of a TLBI by address, one after the other, are its whole range (IHI 0070 §4.4.1.1). */
function rangeCover(text: CommandText, words: CommandWords): Difference[] {
  const start = fieldOf(words, 'Address');
  const tg = fieldOf(words, 'TG');
  if (start === undefined || tg === undefined) return [];
  const pieces = text.details.filter((d) => d.event === 'smmuv3_range_inval');
  const pages = tg === 0n ? 1n : (num(words) + 1n) << (fieldOf(words, 'SCALE') ?? 0n);
  const pageShift = 10n + 2n * tg;
  let covered = 0n;
  const found: Difference[] = [];
  for (const piece of pieces) {
    const expected = start + (covered << pageShift);
    found.push(...differences(piece.line, [['addr', piece.fields.addr, expected]]));
    covered += piece.fields.pages;
  }
  const line = pieces.at(-1)?.line ?? text.line;
  return [...found, ...differences(line, [['num_pages', covered, pages]])];
}

function num(words: CommandWords): bigint {
  return fieldOf(words, 'NUM') ?? 0n;
}

function fieldOf(words: CommandWords, field: string): bigint | undefined {
  const name = commandName(words);
  if (name === undefined) return undefined;
  const { layout }: CommandFormat = COMMANDS[name];
  return Object.hasOwn(layout.fields, field) ? layout.get(words, field) : undefined;
}

function nameOf(words: CommandWords): string {
  return commandName(words) ?? `opcode 0x${opcodeOf(words).toString(16)}`;
}

/** Entries of the command queue, from the last CMDQ_BASE that was written (LOG2SIZE, bits [4:0]; IHI 0070 §6.3.26). */
export function ringSize(lines: readonly TraceLine[]): number {
  let size = Infinity;
  for (const line of lines) {
    if (line.event === 'smmuv3_write_mmio' && line.fields.addr === CMDQ_BASE) {
      size = 2 ** Number(line.fields.val & 0x1fn);
    }
  }
  return Number.isFinite(size) ? size : DEFAULT_RING;
}

const CMDQ_BASE = 0x90;
/** The largest queue the architecture allows (IDR1.CMDQS ≤ 19), for a trace that began after CMDQ_BASE was written. */
const DEFAULT_RING = 2 ** 19;

function show(value: number | bigint | undefined): string {
  if (value === undefined) return 'the command has no such field';
  return value < 0 ? value.toString() : `0x${value.toString(16)}`;
}
