import type { CommandView, EntryView, ViolationView } from './stale-view';

/** What a report needs to know of the commit in which a rule was broken. */
export interface BrokenIn {
  readonly actor: string;
  /** Type of the command, and its id. */
  readonly command: string;
  readonly commandId: string;
  /** What the driver put on the SMMU's queue in it, in order. */
  readonly issued: readonly string[];
}

/** Entries and commands that a page shows. */
const SHOWN = 3;
const ISSUED = 8;

/** What each rule demands, and where it says so. */
const RULES: Readonly<Record<ViolationView['rule'], string>> = {
  'not-invalidated':
    'what software changes it must invalidate, or caches go on answering with the old (IHI 0070 §3.21; DDI 0487 D8.16)',
  'not-synced':
    'an invalidation is only known to be complete when a CMD_SYNC behind it is (IHI 0070 §4.7.3)',
  'tag-not-flushed':
    'a VMID or ASID may name another address space next: nothing may be cached under it (IHI 0070 §3.17)',
  'not-carried-out':
    'a guest that consumed its CMD_SYNC believes its invalidations complete (IHI 0070 §4.7.3)',
};

/** Commands that would have removed what is left, each once. */
function remedies(left: readonly EntryView[]): string[] {
  const found = [...new Set(left.map(remedy))];
  const combined = left.filter(({ cache, stage }) => cache === 'TLB' && stage === 'nested');
  const vmids = new Set(combined.map(({ vmid }) => vmid));
  if (combined.length < 2 || combined.length < left.length || vmids.size > 1) return found;
  return [`CMD_TLBI_NH_ALL VMID=${[...vmids].join('')}`];
}

/** The command that would have removed an entry, by the cache it is in. */
function remedy(entry: EntryView): string {
  const { cache, stage, streamId, vmid, asid, address } = entry;
  if (cache === 'STE') return `CMD_CFGI_STE StreamID=${streamId}`;
  if (cache === 'L1STD') return 'CMD_CFGI_STE Leaf=0 of a StreamID it leads to';
  if (cache === 'CD' || cache === 'L1CD') return `CMD_CFGI_CD StreamID=${streamId}`;
  if (cache === 'ATC') return `CMD_ATC_INV StreamID=${streamId}`;
  const leaf = cache === 'walk' ? ' Leaf=0' : '';
  if (stage === 'stage 2') return `CMD_TLBI_S2_IPA VMID=${vmid} Address=${address}${leaf}`;
  if (asid === undefined || stage === 'nested') return `CMD_TLBI_NH_ALL VMID=${vmid}`;
  return `CMD_TLBI_NH_VA VMID=${vmid} ASID=${asid} Address=${address}${leaf}`;
}

/** One page that says what was broken, where, by whom, and what was missing: fit for a bug report. */
export function explainViolation(violation: ViolationView, where: BrokenIn): string[] {
  const { rule, by, smmu, at, left, leftCount, command, tag } = violation;
  const lines = [
    `${by}: ${rule} at commit ${at.position}, event ${at.index} (${at.event}), ${smmu}`,
    `  rule     ${RULES[rule]}`,
    `  during   ${where.command} by ${where.actor}, command ${where.commandId}`,
  ];
  for (const entry of left.slice(0, SHOWN)) {
    lines.push(`  cached   ${entryText(entry)}`);
    lines.push(`  since    the ${wordText(entry)} at PA ${entry['pa']} ${changeText(entry)}`);
  }
  if (leftCount > SHOWN) lines.push(`  …        ${leftCount} entries in all`);
  if (tag !== null) {
    lines.push(`  cached   ${tag.entries} entries under ${tag.kind.toUpperCase()} ${tag.id}`);
  }
  if (command !== null) lines.push(`  ${commandLabel(rule)}${commandText(command)}`);
  lines.push(...missing(violation).map((text) => `  missing  ${text}`));
  const issued = shortened(where.issued);
  lines.push(...issued.map((text, i) => `  ${i === 0 ? 'issued ' : '       '}  ${text}`));
  return lines;
}

/** The first commands, and how many there were. */
function shortened(issued: readonly string[]): readonly string[] {
  if (issued.length === 0) return ['nothing'];
  if (issued.length <= ISSUED) return issued;
  return [...issued.slice(0, ISSUED), `… ${issued.length} commands in all`];
}

function missing({ rule, left, tag }: ViolationView): string[] {
  if (rule === 'not-synced') return ['CMD_SYNC'];
  if (tag !== null) {
    const flush = tag.kind === 'vmid' ? 'CMD_TLBI_S12_VMALL VMID' : 'CMD_TLBI_NH_ASID ASID';
    return [`${flush}=${tag.id}, CMD_SYNC`];
  }
  return remedies(left).map((text) => `${text}; then CMD_SYNC`);
}

function commandLabel(rule: ViolationView['rule']): string {
  return rule === 'not-synced' ? 'last     ' : 'asked    ';
}

function commandText({ name, words }: CommandView): string {
  return `${name}  ${words.join(' ')}`;
}

function wordText({ word, cache }: EntryView): string {
  return word === 'descriptor' ? 'translation table descriptor' : `${cache} word`;
}

function changeText({ why }: EntryView): string {
  return why === 'released' ? 'lies in memory that was given back' : 'has another value';
}

/** An entry in words: which cache, by which tags, what it translates. */
export function entryText(entry: EntryView): string {
  const { cache, stage, vmid, asid, address, sizeLog2, output, streamId, substreamId } = entry;
  if (address === undefined) {
    const parts = Object.entries({
      StreamID: streamId,
      SubstreamID: substreamId,
      index: entry['index'],
    });
    const named = parts.filter(([, value]) => value !== undefined);
    return `${cache} ${named.map(([name, value]) => `${name}=${value}`).join(' ')}`;
  }
  if (cache === 'ATC') return `ATC entry of StreamID ${streamId}: ${address}, 2^${sizeLog2} bytes`;
  const tag = asid === undefined ? `VMID ${vmid}` : `VMID ${vmid} ASID ${asid}`;
  const what = cache === 'walk' ? 'next table' : 'PA';
  return `${cache} entry, ${stage}, ${tag}: ${address}, 2^${sizeLog2} bytes → ${what} ${output}`;
}
