import {
  CD,
  commandName,
  COMMANDS,
  EVENTS,
  eventName,
  hex64,
  L1CD,
  L1STD,
  S1_LEAF_DESCRIPTOR,
  S2_LEAF_DESCRIPTOR,
  STE,
  TABLE_DESCRIPTOR,
} from '@steward/smmu';
import type { CommandWords, FieldView, Layout } from '@steward/smmu';

/** An entry decoded for people and for JSON. */
export interface Decoded {
  readonly name: string;
  readonly section: string;
  readonly words: readonly string[];
  readonly fields: readonly {
    readonly name: string;
    readonly bits: string;
    readonly value: string;
    readonly meaning?: string;
  }[];
  /** Bits set that no field declares. */
  readonly reserved: readonly string[];
}

export type EntryKind =
  ('ste' | 'vste' | 'cd' | 'cmd' | 'event') | ('l1std' | 'l1cd' | 'table' | 's1leaf' | 's2leaf');

/** 64-bit words an entry of each kind has. */
export const ENTRY_WORDS: Readonly<Record<EntryKind, number>> = {
  ste: 8,
  vste: 2,
  cd: 8,
  cmd: 2,
  event: 4,
  l1std: 1,
  l1cd: 1,
  table: 1,
  s1leaf: 1,
  s2leaf: 1,
};

/** Decodes an entry; opcodes and event numbers nobody defined are shown as reserved bits. */
export function decodeEntry(kind: EntryKind, words: readonly bigint[]): Decoded {
  switch (kind) {
    case 'ste':
      return viewOf('STE', 'IHI 0070 §5.2', STE, words);
    case 'vste':
      return vste(words);
    case 'cd':
      return viewOf('CD', 'IHI 0070 §5.4', CD, words);
    case 'cmd': {
      const name = commandName([words[0] ?? 0n, words[1] ?? 0n] as CommandWords);
      if (name === undefined) return unknown('reserved command', 'IHI 0070 §4.1.3', words);
      const { layout, section } = COMMANDS[name];
      return viewOf(`CMD_${name}`, `IHI 0070 ${section}`, layout, words);
    }
    case 'event': {
      const name = eventName(words);
      if (name === undefined) return unknown('reserved event', 'IHI 0070 §7.3', words);
      const { layout, section } = EVENTS[name];
      return viewOf(name, `IHI 0070 ${section}`, layout, words);
    }
    case 'l1std':
      return viewOf('L1STD', 'IHI 0070 §5.1', L1STD, words);
    case 'l1cd':
      return viewOf('L1CD', 'IHI 0070 §5.3', L1CD, words);
    case 'table':
      return viewOf('Table descriptor', 'DDI 0487 D8.3.1', TABLE_DESCRIPTOR, words);
    case 's1leaf':
      return viewOf('stage-1 leaf', 'DDI 0487 D8.3.1, D8.3.2', S1_LEAF_DESCRIPTOR, words);
    case 's2leaf':
      return viewOf('stage-2 leaf', 'DDI 0487 D8.3.1, D8.3.2', S2_LEAF_DESCRIPTOR, words);
  }
}

/** A vSTE is the first two words of an STE; the others are the hypervisor's. */
function vste(words: readonly bigint[]): Decoded {
  const ste = viewOf('vSTE', 'IHI 0070 §5.2', STE, words.slice(0, 2));
  const inside = new Set(
    Object.keys(STE.fields).filter((name) => STE.fields[name as 'V'].hi < 128),
  );
  return {
    ...ste,
    fields: ste.fields.filter((f) => inside.has(f.name)),
    reserved: ste.reserved.slice(0, 2),
  };
}

function viewOf(
  name: string,
  section: string,
  layout: Pick<Layout<Record<string, never>>, 'view' | 'decode'>,
  words: readonly bigint[],
): Decoded {
  return {
    name,
    section,
    words: words.map(hex64),
    fields: layout.view(words).map(field),
    reserved: layout.decode(words).reserved.map(hex64),
  };
}

function unknown(name: string, section: string, words: readonly bigint[]): Decoded {
  const raw = words.map(hex64);
  return { name, section, words: raw, fields: [], reserved: raw };
}

function field({ name, bits, value, meaning }: FieldView): Decoded['fields'][number] {
  const shown = { name, bits, value: `0x${value.toString(16)}` };
  return meaning === undefined ? shown : { ...shown, meaning };
}

/** The fields that are set, on one line. */
export function oneLine({ name, fields }: Decoded): string {
  const set = fields.filter((f) => f.value !== '0x0' && f.name !== 'Opcode' && f.name !== 'Type');
  const parts = set.map((f) => `${f.name}=${f.meaning ?? f.value}`);
  return [name, ...parts].join(' ');
}
