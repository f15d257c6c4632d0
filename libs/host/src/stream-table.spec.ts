import { PhysicalMemory } from '@steward/smmu';
import { PageAllocator } from './page-allocator';
import { composeSte } from './ste-composition';
import { StreamTable } from './stream-table';

const REGION = { base: 0x1000_0000, size: 0x100_0000 };
const make = (twoLevel: boolean, sidBits: number) => {
  const memory = new PhysicalMemory([REGION]);
  const allocator = new PageAllocator(memory, REGION);
  return { memory, allocator, table: new StreamTable(memory, allocator, { twoLevel, sidBits }) };
};
const ABORT = composeSte({ kind: 'abort' });
const BYPASS = composeSte({ kind: 'bypass' });

describe('the stream table', () => {
  it('makes a second level when a StreamID needs one, and not before', () => {
    const { memory, allocator, table } = make(true, 16);
    const before = allocator.allocatedBytes();
    expect(() => table.read(0x100)).toThrow(/no stream table entry/);
    table.provide(0x100);
    table.provide(0x1ff);
    expect(allocator.allocatedBytes() - before).toBe(256 * 64);
    const descriptor = memory.read64(table.base + 8);
    expect(descriptor & 0x1fn).toBe(9n);
    expect(memory.read64(table.base)).toBe(0n);
    expect(table.read(0x17f)).toEqual(ABORT);
  });

  it('is linear for few StreamIDs, all of which abort', () => {
    const { memory, table } = make(false, 6);
    table.provide(63);
    expect(table.read(63)).toEqual(ABORT);
    table.write(63, BYPASS);
    expect(table.read(63)).toEqual(BYPASS);
    expect(table.read(62)).toEqual(ABORT);
    expect(memory.read64(table.base + 63 * 64)).toBe(9n);
  });

  it('has no place for a StreamID beyond its size', () => {
    const { table } = make(true, 16);
    expect(() => table.provide(0x1_0000)).toThrow(/outside the stream table/);
    expect(() => table.provide(-1)).toThrow(/outside the stream table/);
  });
});
