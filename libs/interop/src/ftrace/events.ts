/**
 * The events of Linux's `iommu` group as ftrace prints them (include/trace/events/iommu.h): what follows the event's name and
 * a colon. Older kernels print no end of a range, yet older ones sizes in hexadecimal; all are read.
 */
const SIZE = '(?:0x)?[0-9a-f]+';
const WORD = '0x[0-9a-f]{1,16}';
const GROUP = String.raw`^IOMMU: groupID=(?<group>-?\d+) device=(?<device>\S+)$`;
const DEVICE = String.raw`^IOMMU: device=(?<device>\S+)$`;

const PATTERNS = {
  add_device_to_group: GROUP,
  remove_device_from_group: GROUP,
  attach_device_to_domain: DEVICE,
  detach_device_from_domain: DEVICE,
  map: `^IOMMU: iova=(?<iova>${WORD})(?: - (?<end>${WORD}))? paddr=(?<paddr>${WORD}) size=(?<size>${SIZE})$`,
  unmap: `^IOMMU: iova=(?<iova>${WORD})(?: - (?<end>${WORD}))? size=(?<size>${SIZE}) unmapped_size=(?<unmappedSize>${SIZE})$`,
  io_page_fault: String.raw`^IOMMU:(?<driver>\S*) (?<device>\S+) iova=(?<iova>${WORD}) flags=(?<flags>0x[0-9a-f]+)$`,
} as const;

export type FtraceEventName = keyof typeof PATTERNS;

export const FTRACE_EVENTS: ReadonlyMap<string, RegExp> = new Map(
  Object.entries(PATTERNS).map(([name, source]) => [name, new RegExp(source)]),
);

/** One line of the group. Addresses and sizes are `0x…`, as 64-bit words are everywhere. */
export interface FtraceEvent {
  /** 1-based. */
  readonly line: number;
  /** What ran, its thread, and on which CPU. */
  readonly task: string;
  readonly pid: number;
  readonly cpu: number;
  /** Seconds of the trace clock, as printed: its digits are not a floating-point number's. */
  readonly seconds: string;
  readonly event: FtraceEventName;
  readonly fields: Readonly<Record<string, string>>;
}

/** Fields that are 64-bit words; a size is decimal unless it says `0x`. */
const WORDS: ReadonlySet<string> = new Set(['iova', 'end', 'paddr', 'size', 'unmappedSize']);

/** The fields of an event's text; undefined when it does not have that event's form. */
export function fieldsOf(
  event: string,
  text: string,
): Readonly<Record<string, string>> | undefined {
  const groups = FTRACE_EVENTS.get(event)?.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const fields = Object.entries(groups).filter(([, value]) => value !== undefined);
  if (fields.some(([name, value]) => WORDS.has(name) && !/^(?:0x[0-9a-f]+|\d+)$/.test(value))) {
    return undefined;
  }
  return Object.fromEntries(
    fields.map(([name, value]) => [name, WORDS.has(name) ? hex(BigInt(value)) : value]),
  );
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
