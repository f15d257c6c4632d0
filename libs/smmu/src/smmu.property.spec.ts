import fc from 'fast-check';
import {
  apply,
  fleet,
  fresh,
  operation,
  PAS,
  perform,
  STREAMS,
  VAS,
  type Fleet,
} from './__fixtures__/fleet';
import { Machine, NESTED_IDR, SUBSTREAM_IDR } from './__fixtures__/machine';
import { COMMANDS, encodeCommand, type CommandName } from './formats/commands';

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
