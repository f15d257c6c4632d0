import { COMMANDS, encodeCommand, type CommandName, type CommandWords } from '@steward/smmu';
import type { TraceEventName, TraceLine } from './events';
import { TraceError } from './trace-error';

/** The lines QEMU prints between one `smmuv3_cmdq_opcode` and the next command that belong to that command. */
const DETAIL_EVENTS = new Set<TraceEventName>([
  'smmuv3_cmdq_cfgi_ste',
  'smmuv3_cmdq_cfgi_ste_range',
  'smmuv3_cmdq_cfgi_cd',
  'smmuv3_cmdq_tlbi_nsnh',
  'smmuv3_cmdq_tlbi_nh',
  'smmuv3_cmdq_tlbi_nh_asid',
  'smmuv3_cmdq_tlbi_s12_vmid',
  'smmuv3_range_inval',
  'smmuv3_unhandled_cmd',
  'smmu_config_cache_inv',
  'smmu_configs_inv_sid_range',
  'smmu_iotlb_inv_all',
  'smmu_iotlb_inv_asid_vmid',
  'smmu_iotlb_inv_vmid',
  'smmu_iotlb_inv_vmid_s1',
]);

/** Whether an event is one that QEMU prints for a command, after its opcode. */
export function isDetail(event: TraceEventName): boolean {
  return DETAIL_EVENTS.has(event);
}

type ConsumeLine = Extract<TraceLine, { event: 'smmuv3_cmdq_consume' }>;
type ConsumedLine = Extract<TraceLine, { event: 'smmuv3_cmdq_consume_out' }>;

/** One command as the trace shows it. */
export interface CommandText {
  /** Line of its `smmuv3_cmdq_opcode`, 1-based. */
  readonly line: number;
  /** Name without `CMD_`, as printed. */
  readonly name: string;
  /** The queue's pointers just before it ran. */
  readonly consume?: ConsumeLine;
  /** What it did, in order. */
  readonly details: readonly TraceLine[];
  /** The queue's pointers after the last command of an update; absent for the others. */
  readonly consumed?: ConsumedLine;
}

/** The commands of a trace, in order: the k-th is the k-th command ever queued. */
export function readCommands(lines: readonly TraceLine[]): CommandText[] {
  const commands: { -readonly [K in keyof CommandText]: CommandText[K] }[] = [];
  let consume: ConsumeLine | undefined;
  let open = false;
  for (const line of lines) {
    const current = commands.at(-1);
    if (line.event === 'smmuv3_cmdq_consume') {
      consume = line;
      open = false;
    } else if (line.event === 'smmuv3_cmdq_opcode') {
      const text = { line: line.line, name: line.fields.name, details: [] };
      commands.push(consume === undefined ? text : { ...text, consume });
      consume = undefined;
      open = true;
    } else if (open && current !== undefined && isDetail(line.event)) {
      current.details = [...current.details, line];
    } else if (open && current !== undefined && line.event === 'smmuv3_cmdq_consume_out') {
      current.consumed = line;
      open = false;
    } else {
      open = false;
    }
  }
  return commands;
}

/**
 * The command's words as far as the trace shows them: fields it does not print (Leaf of CFGI, the whole of SYNC and
 * PREFETCH, NUM and SCALE) are zero, and of a range TLBI only the first piece is taken. For looking at, not for playing.
 * @throws TraceError when a printed value does not fit its field.
 */
export function shownCommand(text: CommandText): CommandWords {
  if (!Object.hasOwn(COMMANDS, text.name)) return [0n, 0n];
  const name = text.name as CommandName;
  const shown: Record<string, bigint> = {};
  for (const detail of text.details) {
    for (const [field, value] of Object.entries(shownFields(detail))) shown[field] ??= value;
  }
  const known = Object.entries(shown).filter(
    ([field, value]) => Object.hasOwn(COMMANDS[name].layout.fields, field) && value >= 0n,
  );
  try {
    return encodeCommand(name, Object.fromEntries(known));
  } catch (error) {
    if (error instanceof RangeError) throw new TraceError(text.line, error.message);
    throw error;
  }
}

function shownFields(detail: TraceLine): Record<string, bigint> {
  switch (detail.event) {
    case 'smmuv3_cmdq_cfgi_ste':
    case 'smmuv3_cmdq_cfgi_cd':
    case 'smmu_config_cache_inv':
      return { StreamID: BigInt(detail.fields.sid) };
    case 'smmuv3_cmdq_cfgi_ste_range': {
      const { start, end } = detail.fields;
      return {
        StreamID: BigInt(start),
        Range: BigInt(Math.round(Math.log2(Math.max(end - start + 1, 2))) - 1),
      };
    }
    case 'smmuv3_cmdq_tlbi_nh':
    case 'smmuv3_cmdq_tlbi_s12_vmid':
      return { VMID: BigInt(detail.fields.vmid) };
    case 'smmuv3_cmdq_tlbi_nh_asid':
      return { ASID: BigInt(detail.fields.asid) };
    case 'smmuv3_range_inval': {
      const { vmid, asid, addr, tg, ttl, leaf } = detail.fields;
      return {
        VMID: BigInt(vmid),
        ASID: BigInt(asid),
        Address: addr,
        TG: BigInt(tg),
        TTL: BigInt(ttl),
        Leaf: BigInt(leaf),
      };
    }
    default:
      return {};
  }
}
