import { address, bits, layout } from './layout';

/**
 * Level-1 Stream Table Descriptor, 64 bits (IHI 0070 §5.1).
 * Span 0 is an invalid descriptor, 1–11 give 2^(Span-1) STEs, 12–31 are reserved and behave as 0.
 */
export const L1STD = layout('L1STD', 64, {
  Span: bits(4, 0),
  L2Ptr: address(55, 6, 6),
});
