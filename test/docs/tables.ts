import {
  HOST_POLICIES,
  POLICY_RULES,
  VSTE_WORD0_ALLOWED,
  VSTE_WORD1_ALLOWED,
  composeSte,
  convertGuestCommand,
  guestRecord,
  validateVste,
  type PolicyRules,
  type VsteWords,
} from '@steward/host';
import { STRUCT_SIZES } from '@steward/iommufd';
import { COMMANDS, EVENTS, STE, encodeCommand, encodeEvent } from '@steward/smmu';
import type { CommandName, CommandWords, EventName, Field, Layout } from '@steward/smmu';

/** Markdown of a table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const hex = (word: bigint): string => `\`0x${word.toString(16)}\``;
const { mainline } = POLICY_RULES;

/** The bits of a vSTE that a guest may set: from the masks that check it. */
function vsteFields(): string {
  const allowed = [VSTE_WORD0_ALLOWED, VSTE_WORD1_ALLOWED];
  const rows = Object.keys(STE.fields).flatMap((name) => {
    const bits = STE.mask(name as keyof typeof STE.fields).slice(0, 2);
    const mine = bits.map((word, i) => word & allowed[i]!);
    const word = mine.findIndex((mask) => mask !== 0n);
    return word < 0 ? [] : [[name, String(word), hex(mine[word]!)]];
  });
  const all = allowed.map((mask, word) => ['all of them', String(word), hex(mask)]);
  return table(['field', 'word', 'bits'], [...rows, ...all]);
}

const VSTES: readonly (readonly [string, VsteWords])[] = [
  ['invalid: V=0, whatever else', [0xffff_fffen, 0xffffn]],
  ['abort: Config=0', [0x1n, 0n]],
  ['bypass: Config=4', [0x9n, 0n]],
  ['stage 1: Config=5', [0x8000_000bn, 0xd6n]],
  ['stage 1 with EATS=1', [0x8000_000bn, 0x1000_00d6n]],
  ['stage 2: Config=6', [0xdn, 0n]],
  ['nested: Config=7', [0xfn, 0n]],
  ['EATS=2 or 3', [0x8000_000bn, 0x2000_00d6n]],
  ['any bit of another field', [0x8000_000bn, 0x1_0000_00d6n]],
];

/** What each class of vSTE becomes, for a device and an SMMU with ATS and a parent of VMID 1. */
function vsteClasses(): string {
  const stage2 = {
    vmid: 1,
    ttb: 0x1_0000_0000,
    t0sz: 20,
    sl0: 2,
    ps: 4,
    s2fwb: false,
    stalls: false,
  };
  const rows = VSTES.map(([what, vste]) => {
    const verdict = validateVste(vste, mainline);
    if (!verdict.ok) return [what, 'EIO', '', '', ''];
    const ats = verdict.config === 's1' ? verdict.ats : verdict.config === 'bypass';
    const ste = composeSte({
      ...{ kind: 'nested', stage2, ats, mergedEvents: true },
      vste: verdict.vste,
    });
    const field = (name: 'Config' | 'EATS' | 'MEV'): string => String(STE.get(ste, name));
    return [what, 'OK', field('Config'), field('EATS'), field('MEV')];
  });
  return table(['vSTE', 'answer', 'physical Config', 'EATS', 'MEV'], rows);
}

/** What becomes of each guest command: by offering every one to the conversion. */
function commandTable(): string {
  const probe = { ats: true, rangeInvalidation: true, ssidBits: 8, asidBits: 16 } as const;
  const context = { vmid: 0x7a, streamIdOf: () => 0x5_0000, probe };
  const rows: string[][] = [];
  const refused: string[] = [];
  for (const name of Object.keys(COMMANDS) as CommandName[]) {
    const layout = COMMANDS[name].layout as Layout<Record<string, Field>>;
    const plain = encodeCommand(name);
    const converted = convertGuestCommand(plain, context);
    if (converted === undefined) {
      refused.push(`\`${name}\``);
      continue;
    }
    const accepts = (words: CommandWords): boolean =>
      convertGuestCommand(words, context) !== undefined;
    const fields = Object.keys(layout.fields).filter((field) => {
      if (field === 'Opcode') return false;
      // Fields that mean something only together with others: a range, or a level and a granule.
      const beside = { NUM: 1n, SCALE: 1n, TG: 1n, TTL: 1n };
      const lone = { [field]: layout.fields[field]!.addressLsb === undefined ? 1n : 1n << 12n };
      const together = field in beside && 'NUM' in layout.fields ? beside : lone;
      return accepts(encodeCommand(name, together));
    });
    const [word0] = converted;
    const becomes = Object.entries(COMMANDS).find(([, c]) => BigInt(c.opcode) === (word0 & 0xffn));
    const replaced = ['VMID', 'StreamID'].filter(
      (field) =>
        field in COMMANDS[becomes![0] as CommandName].layout.fields &&
        COMMANDS[becomes![0] as CommandName].layout.get(converted, field) !== 0n,
    );
    rows.push([`\`${name}\``, fields.join(', ') || '–', `\`${becomes![0]}\``, replaced.join(', ')]);
  }
  const head = ['guest command', 'fields it may set', 'becomes', 'replaced'];
  return `${table(head, rows)}\n\nEIO: ${refused.join(', ')}, and every opcode that is not a command.`;
}

/** Which records go to the guest: by offering every one, as stage 1 and as stage 2 faults. */
function eventTable(): string {
  const rows = (Object.keys(EVENTS) as EventName[]).map((name) => {
    const sent = (fields: Record<string, bigint>): string => {
      const absent = Object.keys(fields).some((field) => !(field in EVENTS[name].layout.fields));
      if (absent) return '';
      const [a = 0n, b = 0n, c = 0n, d = 0n] = encodeEvent(name, fields);
      return guestRecord([a, b, c, d], 1) === undefined ? 'host log' : 'guest';
    };
    return [`\`${name}\``, sent({}), sent({ S2: 1n }), sent({ Stall: 1n })];
  });
  return table(['record', 'goes to', 'with S2=1', 'with Stall=1'], rows);
}

function policyTable(): string {
  const rows = (Object.keys(mainline) as (keyof PolicyRules)[]).map((rule) => [
    `\`${rule}\``,
    ...HOST_POLICIES.map((policy) => String(POLICY_RULES[policy][rule])),
  ]);
  return table(['rule', ...HOST_POLICIES.map((policy) => `\`${policy}\``)], rows);
}

/** Bytes of each ioctl's struct. */
function structSizes(): string {
  const rows = Object.entries(STRUCT_SIZES).map(([name, { min, known }]) => [
    `\`${name}\``,
    String(min),
    String(known),
  ]);
  return table(['ioctl', 'least size', 'size the kernel knows'], rows);
}

/** Tables of docs/uapi.md, by the name in their marker. */
export const TABLES: Readonly<Record<string, () => string>> = {
  'struct-sizes': structSizes,
  'vste-fields': vsteFields,
  'vste-classes': vsteClasses,
  commands: commandTable,
  events: eventTable,
  policies: policyTable,
};
