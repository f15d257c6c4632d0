import fc from 'fast-check';
import {
  AF,
  AP_RW,
  Machine,
  NESTED_IDR,
  S1_PAGE,
  S2_PAGE,
  SUBSTREAM_IDR,
} from './__fixtures__/machine';
import { COMMANDS, encodeCommand, type CommandName } from './formats/commands';
import { Smmu } from './smmu';
import type { Outcome } from './transaction';

const VAS = [0, 1, 2, 511, 512, 513].map((page) => 0x4000_0000 + page * 4096);
const IPAS = [0, 1, 2, 3, 511, 512].map((page) => 0x8000_0000 + page * 4096);
const PAS = [0, 1, 2, 3, 4, 5].map((page) => 0x5000_0000 + page * 4096);

// All tagged with their ASID: global entries of contexts that differ are the tables' error (IHI
// 0070 §3.17.1).
const S1_ATTRIBUTES = [S1_PAGE, S1_PAGE | (1n << 7n), S1_PAGE & ~AF, S1_PAGE & ~AP_RW, 0n];
const S2_ATTRIBUTES = [S2_PAGE, S2_PAGE & ~(1n << 7n), S2_PAGE & ~AF, 0n];

/**
 * Streams 0 and 1 share VMID 1 with different ASIDs; stream 2 is another VMID; 3 is stage 2 alone.
 */
const STREAMS = [0, 1, 2, 3];

interface Fleet {
  readonly machine: Machine;
  setStage1(stream: number, va: number, ipa: number, attributes: bigint): void;
  setStage2(vmid: number, ipa: number, pa: number, attributes: bigint): void;
}

function fleet(): Fleet {
  const machine = new Machine();
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
const operation = fc.oneof({ weight: 3, arbitrary: access }, stage1, stage2);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function apply(f: Fleet, o: Operation): void {
  if (o.op === 'stage1') f.setStage1(o.stream, o.va, o.ipa, o.attributes);
  else if (o.op === 'stage2') f.setStage2(o.vmid, o.ipa, o.pa, o.attributes);
  else perform(f.machine.smmu, o.stream, o.va, o.write);
}

function perform(smmu: Smmu, streamId: number, va: number, write: boolean): Outcome {
  const address = streamId === 3 ? va + (IPAS[0]! - VAS[0]!) : va;
  return smmu.access({ streamId, address: BigInt(address), write });
}

/** An SMMU over the same memory, programmed the same, with nothing cached and no event queue. */
function fresh(machine: Machine): Smmu {
  const smmu = new Smmu({ idr: NESTED_IDR, iidr: 0, aidr: 1 }, machine.memory);
  for (const name of ['STRTAB_BASE', 'STRTAB_BASE_CFG', 'CR2'] as const) {
    smmu.writeRegister(name, machine.smmu.readRegister(name));
  }
  smmu.writeRegister('CR0', 1n);
  return smmu;
}

function expectFresh(f: Fleet): void {
  for (const stream of STREAMS) {
    for (const va of VAS) {
      for (const write of [false, true]) {
        expect(perform(f.machine.smmu, stream, va, write)).toEqual(
          perform(fresh(f.machine), stream, va, write),
        );
      }
    }
  }
}

describe('a cached SMMU', () => {
  it('agrees with one that has nothing cached, once everything changed was invalidated', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const f = fleet();
        for (const o of operations) apply(f, o);
        f.machine.command('TLBI_NSNH_ALL');
        expect(f.machine.smmu.cachedEntries()).toMatchObject({ stage1: 0, stage2: 0, nested: 0 });
        expectFresh(f);
      }),
      { numRuns: 60 },
    );
  });

  it('agrees when each change was followed by the invalidation that names it, and no more', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const f = fleet();
        for (const o of operations) {
          apply(f, o);
          if (o.op === 'stage1') {
            const tags = { VMID: o.stream === 2 ? 2n : 1n, ASID: BigInt(o.stream + 1) };
            f.machine.command('TLBI_NH_VA', { ...tags, Address: BigInt(o.va), Leaf: 1n });
          } else if (o.op === 'stage2') {
            const VMID = BigInt(o.vmid + 1);
            f.machine.command('TLBI_S2_IPA', { VMID, Address: BigInt(o.ipa), Leaf: 1n });
            f.machine.command('TLBI_NH_ALL', { VMID });
          }
        }
        expectFresh(f);
      }),
      { numRuns: 60 },
    );
  });
});

describe('anything in memory and in the queue', () => {
  const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  /** Words that are often pointers into the machine's pages, or nearly valid descriptors. */
  const likely = fc.oneof(
    word,
    fc.constantFrom(...PAS).map((pa) => BigInt(pa) | 0xfffn),
    fc.integer({ min: 0, max: 63 }).map((page) => BigInt(0x4100_0000 + page * 4096) | 3n),
    word.map((w) => (w & 0xfff0_0000_0000_0fffn) | 0x4100_0000n | 1n),
  );
  const ste = fc.tuple(fc.constantFrom(0x9n, 0xbn, 0xdn, 0xfn, 0x1n), likely, word, word, likely);
  const commandNames = Object.keys(COMMANDS) as CommandName[];
  const command = fc.tuple(fc.constantFrom(...commandNames), word, word);

  it('ends every access in a defined outcome, and no command in an exception', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(NESTED_IDR, SUBSTREAM_IDR),
        ste,
        fc.array(likely, { minLength: 64, maxLength: 64 }),
        fc.array(fc.tuple(word, fc.boolean(), fc.option(fc.nat({ max: 0xfffff }))), {
          maxLength: 8,
        }),
        fc.array(command, { maxLength: 8 }),
        (idr, [config, w0, w1, w2, w3], words, accesses, commands) => {
          const machine = new Machine(idr);
          machine.writeWords(machine.steAddress(0), [(w0 & ~0xfn) | config, w1, w2, w3]);
          for (const [n, w] of words.entries()) {
            machine.memory.write64(0x4100_0000 + (n % 8) * 4096 + Math.floor(n / 8) * 8, w);
          }
          for (const [address, write, ssid] of accesses) {
            const outcome = machine.smmu.access({
              streamId: 0,
              address,
              write,
              ...(ssid === null ? {} : { substreamId: ssid }),
            });
            expect(['ok', 'abort', 'raz-wi', 'no-memory']).toContain(outcome.kind);
          }
          for (const [name, first, second] of commands) {
            const [opcode] = encodeCommand(name);
            machine.submit([(first & ~0xffn) | opcode, second]);
            machine.smmu.writeRegister('GERRORN', machine.smmu.readRegister('GERROR'));
          }
          for (const count of Object.values(machine.smmu.cachedEntries())) {
            expect(count).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
