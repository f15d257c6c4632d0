import { addressBits, alignDown, bit, bits, power } from './bits';
import { Fault } from './faults';
import type { Machine } from './machine';

function fetch(machine: Machine, pa: bigint, stream: bigint): bigint {
  const word = machine.memory.read(pa);
  if (word === undefined) throw new Fault('F_STE_FETCH', { fetchAddress: stream });
  return word;
}

/** IHI 0070 §3.3.1, §5.1, §6.3.24, §6.3.25: the eight words of the STE of a stream. */
export function findSte(machine: Machine, streamId: number): bigint[] {
  const { registers, implementation } = machine;
  const log2Size = Math.min(bits(registers.STRTAB_BASE_CFG, 5, 0), implementation.sidSize);
  if (streamId >= 2 ** log2Size) throw new Fault('C_BAD_STREAMID');
  const base = addressBits(registers.STRTAB_BASE, 51, 6, 6);
  const twoLevel =
    implementation.twoLevelStreamTable && bits(registers.STRTAB_BASE_CFG, 17, 16) === 1;
  const ste = twoLevel
    ? throughLevel1(machine, base, log2Size, streamId)
    : alignDown(base, log2Size + 6) + 64n * BigInt(streamId);
  return Array.from({ length: 8 }, (_, i) => fetch(machine, ste + 8n * BigInt(i), ste));
}

function throughLevel1(machine: Machine, base: bigint, log2Size: number, streamId: number): bigint {
  const programmed = bits(machine.registers.STRTAB_BASE_CFG, 10, 6);
  const split = programmed === 8 || programmed === 10 ? programmed : 6;
  const table = alignDown(base, Math.max(6, log2Size - split + 3));
  const at = table + 8n * BigInt(Math.floor(streamId / 2 ** split));
  const descriptor = fetch(machine, at, at);
  const span = bits(descriptor, 4, 0);
  const index = streamId % 2 ** split;
  if (span === 0 || span > 11 || span > split + 1 || BigInt(index) >= power(span - 1)) {
    throw new Fault('C_BAD_STREAMID');
  }
  // Truncated to 52 bits, which §3.4.3 allows; nothing answers beyond the OAS.
  return alignDown(addressBits(descriptor, 51, 6, 6), span + 5) + 64n * BigInt(index);
}

/** Whether CR0.SMMUEN is set. */
export function enabled(machine: Machine): boolean {
  return bit(machine.registers.CR0, 0);
}
