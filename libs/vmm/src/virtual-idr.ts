import { REGISTERS } from '@steward/smmu';

/**
 * ID registers a VMM shows its guest on this host: stage 1 only, and of the host's features those that
 * the kernel documents as trustworthy for a VMM (iommufd.h, struct iommu_hw_info_arm_smmuv3). Queue and
 * stream table sizes are the virtual device's own.
 */
export function virtualIdr(host: readonly bigint[]): bigint[] {
  const word = (n: number): bigint => host[n] ?? 0n;
  const idr0 = REGISTERS.IDR0.layout;
  const idr1 = REGISTERS.IDR1.layout;
  const idr3 = REGISTERS.IDR3.layout;
  const idr5 = REGISTERS.IDR5.layout;
  const pick = (layout: typeof idr0, n: number, fields: readonly string[]): bigint[] =>
    layout.encode(
      Object.fromEntries(fields.map((f) => [f, layout.get([word(n)], f as never)])) as never,
    );
  const QUEUE_LOG2 = 19n;
  const first = <T>([value]: T[]): T => value as T;
  return [
    first(
      idr0.encode(
        { S1P: 1n, COHACC: 1n },
        pick(idr0, 0, [
          'TTF',
          'ASID16',
          'CD2L',
          'TTENDIAN',
          'STALL_MODEL',
          'TERM_MODEL',
          'ST_LEVEL',
        ]),
      ),
    ),
    first(
      idr1.encode(
        { CMDQS: QUEUE_LOG2, EVENTQS: QUEUE_LOG2 },
        pick(idr1 as never, 1, ['SIDSIZE', 'SSIDSIZE']),
      ),
    ),
    0n,
    first(pick(idr3 as never, 3, ['RIL', 'BBML'])),
    0n,
    first(pick(idr5 as never, 5, ['OAS', 'GRAN4K', 'GRAN16K', 'GRAN64K', 'VAX'])),
  ];
}
