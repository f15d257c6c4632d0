import { PhysicalMemory, Smmu } from '@steward/smmu';
import { EventQueue } from './event-queue';
import { RECORDED_IDR } from './__fixtures__/recorded';

const REGION = { base: 0x1000_0000, size: 0x1_0000 };

function bench(log2Size: number) {
  const memory = new PhysicalMemory([REGION]);
  const smmu = new Smmu({ idr: RECORDED_IDR, iidr: 0, aidr: 1 }, memory);
  smmu.writeRegister('EVENTQ_BASE', BigInt(REGION.base + log2Size));
  const queue = new EventQueue({ memory, smmu, base: REGION.base, log2Size });
  /** What the SMMU would have recorded, from `first` on. */
  const record = (prod: number, value: bigint): void => {
    memory.write64(REGION.base + (prod % 2 ** log2Size) * 32, value);
  };
  return { smmu, queue, record };
}

describe('the event queue’s reader', () => {
  it('reads up to PROD, over the end of the ring, and frees the places', () => {
    const { smmu, queue, record } = bench(2);
    const OVFLG = 1n << 31n;
    for (let i = 0; i < 3; i++) record(i, BigInt(i + 1));
    smmu.writeRegister('EVENTQ_PROD', 3n);
    expect(queue.drain().map(([word]) => word)).toEqual([1n, 2n, 3n]);
    expect(smmu.readRegister('EVENTQ_CONS')).toBe(3n);
    for (let i = 3; i < 6; i++) record(i, BigInt(i + 1));
    smmu.writeRegister('EVENTQ_PROD', 6n | OVFLG);
    expect(queue.drain().map(([word]) => word)).toEqual([4n, 5n, 6n]);
    // The overflow is acknowledged together with the records.
    expect(smmu.readRegister('EVENTQ_CONS')).toBe(6n | OVFLG);
    expect(queue.drain()).toEqual([]);
  });
});
