import fc from 'fast-check';
import { CD, L1CD } from './context-descriptor';
import {
  COMMANDS,
  commandName,
  encodeCommand,
  opcodeOf,
  type CommandFormat,
  type CommandName,
} from './commands';
import { encodeEvent, EVENTS, eventName, type EventFormat, type EventName } from './event-records';
import { fieldNumber } from './field-reader';
import { hex64 } from './hex';
import type { Field, Layout } from './layout';
import { REGISTERS, type RegisterName } from './registers';
import { STE } from './ste';
import { L1STD } from './stream-table-descriptor';

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const commandNames = Object.keys(COMMANDS) as CommandName[];
const eventNames = Object.keys(EVENTS) as EventName[];

describe('the CD layout', () => {
  // Masks of Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h, CTXDESC_*.
  it.each([
    ['T0SZ', 0, 0x3fn],
    ['TG0', 0, 0xc0n],
    ['EPD0', 0, 1n << 14n],
    ['EPD1', 0, 1n << 30n],
    ['V', 0, 1n << 31n],
    ['IPS', 0, 7n << 32n],
    ['TBI0', 0, 1n << 38n],
    ['AA64', 0, 1n << 41n],
    ['HA', 0, 1n << 43n],
    ['S', 0, 1n << 44n],
    ['R', 0, 1n << 45n],
    ['A', 0, 1n << 46n],
    ['ASET', 0, 1n << 47n],
    ['ASID', 0, 0xffffn << 48n],
  ] as const)('has %s in word %i where Linux has it', (field, at, mask) => {
    expect(CD.mask(field)[at]).toBe(mask);
  });

  it('shows TTB0 as an address, from word 1', () => {
    expect(CD.get([0n, 0x40_1234_5000n], 'TTB0')).toBe(0x40_1234_5000n);
  });
});

describe('commands', () => {
  it('have each opcode once', () => {
    const opcodes = commandNames.map((name) => COMMANDS[name].opcode);
    expect(new Set(opcodes).size).toBe(opcodes.length);
  });

  it('name themselves once encoded', () => {
    for (const name of commandNames) {
      const words = encodeCommand(name);
      expect(opcodeOf(words)).toBe(COMMANDS[name].opcode);
      expect(commandName(words)).toBe(name);
    }
  });

  it('are encoded as Linux encodes them', () => {
    expect(encodeCommand('CFGI_STE', { StreamID: 0x12n, Leaf: 1n })).toEqual([0x12_0000_0003n, 1n]);
    expect(encodeCommand('CFGI_STE_RANGE', { Range: 31n })).toEqual([4n, 31n]);
    expect(
      encodeCommand('TLBI_NH_VA', {
        VMID: 0x12n,
        ASID: 0x34n,
        Address: 0xffff_8000_1234_5000n,
        Leaf: 1n,
        TTL: 3n,
        TG: 1n,
        NUM: 5n,
        SCALE: 2n,
      }),
    ).toEqual([0x0034_0012_0020_5012n, 0xffff_8000_1234_5701n]);
    expect(encodeCommand('SYNC', { CS: 1n, MSIData: 7n, MSIAddress: 0x1004n })).toEqual([
      0x7_0000_1046n,
      0x1004n,
    ]);
    expect(encodeCommand('ATC_INV', { StreamID: 1n, Size: 52n })).toEqual([0x1_0000_0040n, 52n]);
  });

  it('refuse a field they do not have, and a value that does not fit', () => {
    expect(() => encodeCommand('TLBI_NH_VAA', { ASID: 1n })).toThrow(RangeError);
    expect(() => encodeCommand('TLBI_NH_ASID', { ASID: 0x1_0000n })).toThrow(RangeError);
  });

  it('have no name for reserved and Secure opcodes', () => {
    for (const opcode of [0x00, 0x08, 0x14, 0x50, 0x58, 0x60, 0x80, 0xff]) {
      expect(commandName([BigInt(opcode), 0n])).toBeUndefined();
    }
  });
});

describe('event records', () => {
  it('have each event number once, and name themselves once encoded', () => {
    expect(new Set(eventNames.map((name) => EVENTS[name].type)).size).toBe(eventNames.length);
    for (const name of eventNames) expect(eventName(encodeEvent(name, {}))).toBe(name);
  });

  it('have the fields of a stage-2 translation fault in their places', () => {
    const words = encodeEvent('F_TRANSLATION', {
      StreamID: 8n,
      RnW: 1n,
      S2: 1n,
      CLASS: 2n,
      InputAddr: 0x6d_6e43_8d40n,
      IPA: 0x6d_6e43_8000n,
    });
    expect(words.map(hex64)).toEqual([
      '0x0000000800000010',
      '0x0000028800000000',
      '0x0000006d6e438d40',
      '0x0000006d6e438000',
    ]);
  });

  it('have no name for numbers the architecture does not define', () => {
    expect(eventName([0xe0n, 0n, 0n, 0n])).toBeUndefined();
  });
});

describe('every layout', () => {
  const layouts: Layout<Record<string, Field>>[] = [
    STE,
    CD,
    L1STD,
    L1CD,
    ...commandNames.map((name) => (COMMANDS[name] as CommandFormat).layout),
    ...eventNames.map((name) => (EVENTS[name] as EventFormat).layout),
    ...(Object.keys(REGISTERS) as RegisterName[]).map((name) => REGISTERS[name].layout),
  ] as Layout<Record<string, Field>>[];

  it('encodes back what it decodes, reserved bits aside', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...layouts),
        fc.array(word, { minLength: 8, maxLength: 8 }),
        (l, w) => {
          const valid = l.size % 64 === 0 ? 2n ** 64n - 1n : 0xffff_ffffn;
          const words = w.slice(0, Math.ceil(l.size / 64)).map((x) => x & valid);
          const { values, reserved } = l.decode(words);
          expect(l.encode(values).map((x, n) => x | (reserved[n] ?? 0n))).toEqual(words);
          expect(l.encode(values).map((x, n) => x & (reserved[n] ?? 0n))).toEqual(
            words.map(() => 0n),
          );
        },
      ),
    );
  });

  it('gives the engine the numbers that people see', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...layouts),
        fc.array(word, { minLength: 8, maxLength: 8 }),
        (l, w) => {
          const parts = Uint32Array.from(
            w.flatMap((x) => [Number(x & 0xffff_ffffn), Number(x >> 32n)]),
          );
          for (const [name, field] of Object.entries(l.fields)) {
            // Wider fields (InputAddr) have no number reader.
            if (field.hi - field.lo >= 53 || (field.lo & 31) + (field.hi - field.lo) >= 64)
              continue;
            expect(BigInt(fieldNumber(l, name)(parts))).toBe(l.get(w, name));
          }
        },
      ),
    );
  });
});

describe('hex64', () => {
  it('has sixteen digits', () => {
    expect(hex64(0n)).toBe('0x0000000000000000');
    expect(hex64(2n ** 64n - 1n)).toBe('0xffffffffffffffff');
  });
});
