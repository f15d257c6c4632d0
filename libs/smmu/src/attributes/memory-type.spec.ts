import fc from 'fast-check';
import { attrOf, codeOf, memoryAttributes, shareabilityOf } from './memory-attributes';
import {
  combine,
  combineForced,
  DEFAULT_INPUT,
  isDevice,
  memAttrAttributes,
  stage1Attributes,
  withHints,
  withHintsOf,
} from './memory-type';

const SEED = 0x0070;
const NSH = 0;
const OSH = 2;
const ISH = 3;

const byte = fc.integer({ min: 0, max: 0xff });
const shareability = fc.constantFrom(NSH, OSH, ISH);
const attributes = fc.tuple(byte, shareability).map(([mair, sh]) => stage1Attributes(mair, sh));

/** As "MAIR byte, shareability". */
function shown(code: number): string {
  const attr = attrOf(code).toString(16).padStart(2, '0');
  return `${attr} ${['NSH', 'reserved', 'OSH', 'ISH'][shareabilityOf(code)]}`;
}

describe('stage-1 attributes', () => {
  it.each([
    [0x00, ISH, '00 OSH'],
    [0x04, NSH, '04 OSH'],
    [0x0c, ISH, '0c OSH'],
    [0x44, ISH, '44 OSH'],
    [0xff, ISH, 'ff ISH'],
    [0xff, 1, 'ff NSH'],
    [0x4f, NSH, '4f NSH'],
    [0xbb, ISH, 'bb ISH'],
    // Reserved: Device with hints in its low bits, Normal without an inner type.
    [0x07, ISH, '04 OSH'],
    [0xf0, ISH, 'f3 ISH'],
    [0x40, ISH, '43 ISH'],
  ])('MAIR byte %x with SH %i is %s', (mair, sh, expected) => {
    expect(shown(stage1Attributes(mair, sh))).toBe(expected);
  });
});

describe('MemAttr', () => {
  it.each([
    [0b0000, '00 OSH'],
    [0b0001, '04 OSH'],
    [0b0011, '0c OSH'],
    [0b0101, '44 OSH'],
    [0b0111, '4f ISH'],
    [0b1010, 'bb ISH'],
    [0b1101, 'f4 ISH'],
    [0b1111, 'ff ISH'],
    // Reserved.
    [0b0100, '00 OSH'],
    [0b1000, '00 OSH'],
    [0b1100, '00 OSH'],
  ])('%i is %s', (memAttr, expected) => {
    expect(shown(memAttrAttributes(memAttr, ISH))).toBe(expected);
  });
});

describe('combining', () => {
  it.each([
    // Device beats Normal, the stronger Device wins (IHI 0070 §13.1.5.1).
    [codeOf(0x4f, ISH), codeOf(0x04, OSH), '04 OSH'],
    [codeOf(0x04, OSH), codeOf(0x00, OSH), '00 OSH'],
    // iWB/RAWAnTR-oNC-ISH + iWT/RAWAnTR-oWT/RAnWATR-OSH.
    [codeOf(0x4f, ISH), codeOf(0x2b, OSH), '4b OSH'],
    [codeOf(0xff, NSH), codeOf(0xff, ISH), 'ff ISH'],
    [codeOf(0xff, NSH), codeOf(0x44, OSH), '44 OSH'],
    // Hints that differ leave no allocation, which is non-transient.
    [codeOf(0x66, NSH), codeOf(0xdd, NSH), 'cc NSH'],
  ])('%i with %i gives %s', (a, b, expected) => {
    expect(shown(combine(a, b))).toBe(expected);
  });

  it('does not depend on order or grouping, and adds nothing to itself', () => {
    const law = fc.property(attributes, attributes, attributes, (a, b, c) => {
      expect(combine(a, b)).toBe(combine(b, a));
      expect(combine(combine(a, b), c)).toBe(combine(a, combine(b, c)));
      expect(combine(combine(a, b), b)).toBe(combine(a, b));
    });
    fc.assert(law, { seed: SEED, numRuns: 2000 });
  });

  it('gives attributes that are consistent', () => {
    const law = fc.property(attributes, attributes, (a, b) => {
      const { attr, shareability: sh } = memoryAttributes(combine(a, b));
      expect(stage1Attributes(attr, sh)).toBe(codeOf(attr, sh));
    });
    fc.assert(law, { seed: SEED, numRuns: 2000 });
  });
});

describe('S2FWB', () => {
  it.each([
    // Device orders Device, the stronger of two.
    [codeOf(0xff, ISH), 0b0001, '04 OSH'],
    [codeOf(0x00, OSH), 0b0011, '00 OSH'],
    // Non-cacheable, unless stage 1 says Device.
    [codeOf(0xff, ISH), 0b0101, '44 OSH'],
    [codeOf(0x0c, OSH), 0b0101, '0c OSH'],
    // Write-Back whatever stage 1 says; its hints stay where it has any.
    [codeOf(0x00, OSH), 0b0110, 'ff OSH'],
    [codeOf(0x44, OSH), 0b0110, 'ff OSH'],
    [codeOf(0xaa, ISH), 0b0110, 'ee ISH'],
    // As stage 1 says.
    [codeOf(0xbb, NSH), 0b0111, 'bb ISH'],
    [codeOf(0x04, OSH), 0b0111, '04 OSH'],
  ])('%i under MemAttr %i is %s', (stage1, memAttr, expected) => {
    expect(shown(combineForced(stage1, memAttr, ISH))).toBe(expected);
  });

  it('ignores MemAttr[3]', () => {
    const law = fc.property(attributes, fc.nat(7), shareability, (stage1, memAttr, sh) => {
      expect(combineForced(stage1, memAttr | 8, sh)).toBe(combineForced(stage1, memAttr, sh));
    });
    fc.assert(law, { seed: SEED });
  });
});

describe('hints of the input', () => {
  it('of a client that says nothing change nothing', () => {
    const law = fc.property(attributes, (code) => {
      expect(withHintsOf(DEFAULT_INPUT, code)).toBe(code);
    });
    fc.assert(law, { seed: SEED });
  });

  it('take allocation away from cacheable levels alone', () => {
    const input = withHints(0b1000, DEFAULT_INPUT);
    expect(shown(input)).toBe('cc NSH');
    expect(shown(withHintsOf(input, codeOf(0xff, ISH)))).toBe('cc ISH');
    expect(shown(withHintsOf(input, codeOf(0x4b, ISH)))).toBe('48 ISH');
    expect(shown(withHintsOf(input, codeOf(0x44, OSH)))).toBe('44 OSH');
    expect(shown(withHintsOf(input, codeOf(0x0c, OSH)))).toBe('0c OSH');
  });

  it('do not reach a level that S2FWB made cacheable', () => {
    const input = withHints(0b1000, DEFAULT_INPUT);
    const forced = (stage1: number): number => combineForced(stage1, 0b0110, ISH);
    expect(shown(withHintsOf(input, forced(codeOf(0x00, OSH))))).toBe('ff OSH');
    expect(shown(withHintsOf(input, forced(codeOf(0x4f, ISH))))).toBe('fc ISH');
    expect(shown(withHintsOf(input, forced(codeOf(0xf4, ISH))))).toBe('cf ISH');
  });

  it('of an input that is not cacheable do not count', () => {
    const law = fc.property(attributes, attributes, (input, code) => {
      if (isDevice(input) || attrOf(input) === 0x44) {
        expect(withHintsOf(input, code)).toBe(code);
      }
    });
    fc.assert(law, { seed: SEED, numRuns: 2000 });
  });
});
