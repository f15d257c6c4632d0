import fc from 'fast-check';
import type { SmmuObserver } from '../observer';
import { Smmu } from '../smmu';
import type { Outcome } from '../transaction';
import { AF, AP_RW, Machine, NESTED_IDR, S1_PAGE, S2_PAGE } from './machine';

export const VAS = [0, 1, 2, 511, 512, 513].map((page) => 0x4000_0000 + page * 4096);
export const IPAS = [0, 1, 2, 3, 511, 512].map((page) => 0x8000_0000 + page * 4096);
export const PAS = [0, 1, 2, 3, 4, 5].map((page) => 0x5000_0000 + page * 4096);

// All tagged with their ASID: global entries of contexts that differ are the tables' error (IHI
// 0070 §3.17.1).
const S1_ATTRIBUTES = [S1_PAGE, S1_PAGE | (1n << 7n), S1_PAGE & ~AF, S1_PAGE & ~AP_RW, 0n];
const S2_ATTRIBUTES = [S2_PAGE, S2_PAGE & ~(1n << 7n), S2_PAGE & ~AF, 0n];

/**
 * Streams 0 and 1 share VMID 1 with different ASIDs; stream 2 is another VMID; 3 is stage 2 alone.
 */
export const STREAMS = [0, 1, 2, 3];

export interface Fleet {
  readonly machine: Machine;
  setStage1(stream: number, va: number, ipa: number, attributes: bigint): void;
  setStage2(vmid: number, ipa: number, pa: number, attributes: bigint): void;
}

/** Four streams over two VMIDs, their tables set up so that any page can be changed alone. */
export function fleet(observer: SmmuObserver = {}): Fleet {
  const machine = new Machine(NESTED_IDR, { observer });
  const stage1 = [machine.table(), machine.table(), machine.table()];
  const cds = stage1.map(() => machine.page());
  stage1.forEach((table, n) => {
    for (const va of VAS) machine.map(table, va, IPAS[0]!, S1_PAGE);
    machine.writeCd(cds[n]!, { TTB0: BigInt(table.root), ASID: BigInt(n + 1) });
  });
  const stage2 = [machine.table(), machine.table()];
  for (const table of stage2) {
    machine.mapOwnPages(table);
    for (const ipa of IPAS) machine.map(table, ipa, PAS[0]!, S2_PAGE);
  }
  const vmidOf = [0, 0, 1];
  vmidOf.forEach((vmid, stream) => {
    machine.writeSte(stream, {
      Config: 7n,
      S1ContextPtr: BigInt(cds[stream]!),
      ...machine.stage2(stage2[vmid]!, BigInt(vmid + 1)),
    });
  });
  machine.writeSte(3, { Config: 6n, ...machine.stage2(stage2[1]!, 2n) });
  return {
    machine,
    setStage1: (stream, va, ipa, attributes) =>
      void machine.map(stage1[stream]!, va, attributes === 0n ? 0 : ipa, attributes),
    setStage2: (vmid, ipa, pa, attributes) =>
      void machine.map(stage2[vmid]!, ipa, attributes === 0n ? 0 : pa, attributes),
  };
}

const access = fc.record({
  op: fc.constant('access' as const),
  stream: fc.constantFrom(...STREAMS),
  va: fc.constantFrom(...VAS),
  write: fc.boolean(),
});
const stage1 = fc.record({
  op: fc.constant('stage1' as const),
  stream: fc.constantFrom(0, 1, 2),
  va: fc.constantFrom(...VAS),
  ipa: fc.constantFrom(...IPAS),
  attributes: fc.constantFrom(...S1_ATTRIBUTES),
});
const stage2 = fc.record({
  op: fc.constant('stage2' as const),
  vmid: fc.constantFrom(0, 1),
  ipa: fc.constantFrom(...IPAS),
  pa: fc.constantFrom(...PAS),
  attributes: fc.constantFrom(...S2_ATTRIBUTES),
});
export const operation = fc.oneof({ weight: 3, arbitrary: access }, stage1, stage2);
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

export function apply(f: Fleet, o: Operation): void {
  if (o.op === 'stage1') f.setStage1(o.stream, o.va, o.ipa, o.attributes);
  else if (o.op === 'stage2') f.setStage2(o.vmid, o.ipa, o.pa, o.attributes);
  else perform(f.machine.smmu, o.stream, o.va, o.write);
}

export function perform(smmu: Smmu, streamId: number, va: number, write: boolean): Outcome {
  const address = streamId === 3 ? va + (IPAS[0]! - VAS[0]!) : va;
  return smmu.access({ streamId, address: BigInt(address), write });
}

/** An SMMU over the same memory, programmed the same, with nothing cached and no event queue. */
export function fresh(machine: Machine): Smmu {
  const smmu = new Smmu({ idr: NESTED_IDR, iidr: 0, aidr: 1 }, machine.memory);
  for (const name of ['STRTAB_BASE', 'STRTAB_BASE_CFG', 'CR2'] as const) {
    smmu.writeRegister(name, machine.smmu.readRegister(name));
  }
  smmu.writeRegister('CR0', 1n);
  return smmu;
}
