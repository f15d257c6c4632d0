import { levelShift, type Granule } from './granule';

/**
 * The base of the start table. Its low bits are taken as zero up to the table's size (concatenated
 * tables count as one), and up to 64 bytes when output addresses have 52 bits (DDI 0487 D8.2.2, IHI
 * 0070 §5.4 TTB0).
 */
export function alignedTableBase(
  base: number,
  table: { granule: Granule; startLevel: number; inputBits: number; outputBits: number },
): number {
  const resolved = table.inputBits - levelShift(table.granule, table.startLevel);
  const sizeLog2 = resolved + 3;
  const alignment = 2 ** Math.max(sizeLog2, table.outputBits === 52 ? 6 : 0);
  return Math.floor(base / alignment) * alignment;
}
