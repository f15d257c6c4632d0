import fc from 'fast-check';
import { AtsDevice } from '../ats/ats-device';
import { apply, fleet, fresh, operation, perform, VAS } from '../__fixtures__/fleet';
import {
  AF,
  AP_RO,
  AP_RW,
  HTTU_IDR,
  nestedMachine,
  NESTED_IDR,
  S1_PAGE,
  S2_PAGE,
} from '../__fixtures__/machine';
import type { CachedEntry, EntryKey } from './cached-entry';
import type { ChangedWord, StalenessWatcher } from './provenance';

type Nested = ReturnType<typeof nestedMachine>;

/** NESTED_IDR with IDR0.ATS. */
const ATS_IDR = [NESTED_IDR[0] | (1 << 10), ...NESTED_IDR.slice(1)] as unknown as typeof NESTED_IDR;
/** Dirty Bit Modifier of a leaf (DDI 0487 D8.3). */
const DBM = 1n << 51n;

/** Keeps what it is told. */
class Witness implements StalenessWatcher {
  readonly stale = new Map<EntryKey, { entry: CachedEntry; words: Set<number> }>();
  uses: EntryKey[] = [];

  wordDiffers(key: EntryKey, entry: CachedEntry, { pa }: ChangedWord): void {
    const known = this.stale.get(key) ?? { entry, words: new Set() };
    expect(known.words.has(pa)).toBe(false);
    known.words.add(pa);
    this.stale.set(key, known);
  }
  wordAgrees(key: EntryKey, pa: number): void {
    const { words } = this.stale.get(key)!;
    expect(words.delete(pa)).toBe(true);
    if (words.size === 0) this.stale.delete(key);
  }
  staleRemoved(key: EntryKey): void {
    expect(this.stale.delete(key)).toBe(true);
  }
  staleUsed(key: EntryKey): void {
    expect(this.stale.has(key)).toBe(true);
    this.uses.push(key);
  }

  entries(): CachedEntry[] {
    return [...this.stale.values()].map(({ entry }) => entry);
  }
}

const invalidation = fc.record({
  op: fc.constant('invalidate' as const),
  command: fc.constantFrom('TLBI_NH_ALL', 'TLBI_NH_VA', 'TLBI_S2_IPA', 'CFGI_ALL'),
  vmid: fc.constantFrom(1n, 2n),
  va: fc.constantFrom(...VAS),
});

describe('what is known of the origin of cached entries', () => {
  it('tells of a stale use whenever a cached SMMU and a fresh one part', () => {
    let parted = 0;
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 4, arbitrary: operation }, invalidation), {
          minLength: 100,
          maxLength: 200,
        }),
        (operations) => {
          const witness = new Witness();
          const f = fleet({ staleness: witness });
          for (const o of operations) {
            if (o.op === 'invalidate') {
              if (o.command === 'CFGI_ALL') f.machine.command('CFGI_STE_RANGE', { Range: 31n });
              else {
                const address = o.command === 'TLBI_NH_ALL' ? {} : { Address: BigInt(o.va) };
                f.machine.command(o.command as 'TLBI_NH_VA', { VMID: o.vmid, ...address });
              }
            } else if (o.op === 'access') {
              const right = perform(fresh(f.machine), o.stream, o.va, o.write);
              witness.uses = [];
              const actual = perform(f.machine.smmu, o.stream, o.va, o.write);
              if (JSON.stringify(actual, bare) === JSON.stringify(right, bare)) continue;
              parted++;
              expect(witness.uses).not.toEqual([]);
            } else apply(f, o);
          }
          f.machine.command('TLBI_NSNH_ALL');
          f.machine.command('CFGI_STE_RANGE', { Range: 31n });
          expect(witness.entries()).toEqual([]);
        },
      ),
      { numRuns: 60, seed: 3 },
    );
    expect(parted).toBeGreaterThan(50);
  });

  it('names the nested entry, and the stage-2 entry it came through, when a stage-2 leaf changes', () => {
    const witness = new Witness();
    const { machine, va, ipa, s2Entry } = nestedMachine({ observer: { staleness: witness } });
    machine.read(0, va);
    expect(witness.entries()).toEqual([]);
    machine.memory.write64(s2Entry, 0n);
    expect(witness.entries()).toEqual([
      expect.objectContaining({ cache: 'TLB', stage: 'nested', vmid: 1, asid: 1, address: va }),
      expect.objectContaining({ cache: 'TLB', stage: 'stage 2', vmid: 1, address: ipa }),
    ]);
    machine.command('TLBI_S2_IPA', { VMID: 1n, Address: BigInt(ipa), Leaf: 1n });
    expect(witness.entries()).toMatchObject([{ stage: 'nested' }]);
    machine.read(0, va);
    expect(witness.uses).toHaveLength(1);
    machine.command('TLBI_NH_ALL', { VMID: 1n });
    expect(witness.entries()).toEqual([]);
  });

  it('lists each cached entry with the words it was made from, as they were then', () => {
    const { machine, va, s1Entry, s2Entry } = nestedMachine({
      observer: { staleness: new Witness() },
    });
    machine.read(0, va);
    const [s1, s2] = [machine.memory.read64(s1Entry), machine.memory.read64(s2Entry)];
    machine.memory.write64(s2Entry, 0n);
    const made = [...machine.smmu.madeFrom()];
    expect(new Set(made.map(({ entry }) => entry.cache))).toEqual(
      new Set(['STE', 'CD', 'TLB', 'walk']),
    );
    const nested = made.find(({ entry }) => entry.cache === 'TLB' && entry.stage === 'nested');
    expect(nested?.stale).toBe(true);
    expect(nested?.words).toEqual(
      expect.arrayContaining([
        { pa: s1Entry, word: s1 },
        { pa: s2Entry, word: s2 },
      ]),
    );
    machine.command('TLBI_NSNH_ALL');
    expect([...machine.smmu.madeFrom()].map(({ entry }) => entry.cache).sort()).toEqual([
      'CD',
      'STE',
    ]);
    expect([...nestedMachine({}).machine.smmu.madeFrom()]).toEqual([]);
  });

  it.each([
    { faults: 'does', cdFields: {}, stale: 1 },
    { faults: 'does not', cdFields: { AFFD: 1n }, stale: 0 },
  ])('regards the Access flag where its absence $faults fault', ({ cdFields, stale }) => {
    const witness = new Witness();
    const { machine, va, ipa, s1Entry } = nestedMachine({
      observer: { staleness: witness },
      cdFields,
    });
    machine.read(0, va);
    machine.memory.write64(s1Entry, (BigInt(ipa) | S1_PAGE) & ~AF);
    expect(witness.entries()).toHaveLength(stale);
  });

  it('does not regard the bits that are software’s', () => {
    const witness = new Witness();
    const { machine, va, ipa, s1Entry } = nestedMachine({ observer: { staleness: witness } });
    machine.read(0, va);
    machine.memory.write64(s1Entry, BigInt(ipa) | S1_PAGE | (0xfn << 55n));
    expect(witness.entries()).toEqual([]);
    machine.memory.write64(s1Entry, BigInt(ipa) | S1_PAGE | (1n << 54n));
    expect(witness.entries()).toMatchObject([{ stage: 'nested', address: va }]);
  });

  it('takes what hardware updated for what the entry was made from', () => {
    const witness = new Witness();
    const { machine, va, ipa, s1Entry } = nestedMachine({
      idr: HTTU_IDR,
      observer: { staleness: witness },
      cdFields: { HA: 1n, HD: 1n },
    });
    machine.memory.write64(s1Entry, BigInt(ipa) | ((S1_PAGE | AP_RO | DBM) & ~AF));
    machine.read(0, va);
    machine.write(0, va);
    expect(machine.memory.read64(s1Entry) & (AP_RO | AF)).toBe(AP_RW | AF);
    expect(witness.entries()).toEqual([]);
    machine.memory.write64(s1Entry, BigInt(ipa) | S1_PAGE | AP_RO | DBM);
    expect(witness.entries()).toMatchObject([{ stage: 'nested', address: va }]);
  });

  it('holds an entry for true again once its words are what they were', () => {
    const witness = new Witness();
    const { machine, va, pa, s2Entry } = nestedMachine({ observer: { staleness: witness } });
    machine.read(0, va);
    machine.memory.write64(s2Entry, 0n);
    machine.memory.write64(s2Entry, BigInt(pa) | S2_PAGE);
    expect(witness.entries()).toEqual([]);
    machine.read(0, va);
    expect(witness.uses).toEqual([]);
  });

  it('tells of an STE, and of a CD by the words of both stages', () => {
    const witness = new Witness();
    const { machine, va, cd, stage2 } = nestedMachine({ observer: { staleness: witness } });
    machine.read(0, va);
    machine.memory.write64(cd + 56, 1n);
    machine.memory.write64(machine.steAddress(0) + 56, 1n);
    expect(witness.entries()).toEqual([
      { cache: 'CD', streamId: 0, substreamId: 0 },
      { cache: 'STE', streamId: 0 },
    ]);
    machine.command('CFGI_STE', { StreamID: 0n });
    expect(witness.entries()).toEqual([]);
    machine.read(0, va);
    machine.memory.write64(machine.walk(stage2, cd)[3]!, 0n);
    expect(witness.entries()).toContainEqual({ cache: 'CD', streamId: 0, substreamId: 0 });
  });

  it('tells of a stream that a neighbour’s STE answers for by the words of that STE', () => {
    const witness = new Witness();
    const options = { observer: { staleness: witness }, steFields: { CONT: 1n } };
    const { machine, va } = nestedMachine(options);
    machine.read(0, va);
    machine.read(1, va);
    machine.memory.write64(machine.steAddress(1), 1n);
    expect(witness.entries()).toEqual([]);
    machine.memory.write64(machine.steAddress(0), 0n);
    const steOf = (streamId: number): CachedEntry => ({ cache: 'STE', streamId });
    expect(witness.entries()).toEqual(expect.arrayContaining([steOf(0), steOf(1)]));
    machine.command('CFGI_STE', { StreamID: 0n, Leaf: 1n });
    expect(witness.entries()).toEqual([]);
  });

  it('is stale from the start what was made through a stale entry', () => {
    const witness = new Witness();
    const { machine, stage1, va, ipa, s2Entry } = nestedMachine({
      observer: { staleness: witness },
    });
    machine.map(stage1, va + 4096, ipa, S1_PAGE);
    machine.read(0, va);
    machine.memory.write64(s2Entry, 0n);
    machine.read(0, va + 4096);
    expect(witness.entries()).toContainEqual(
      expect.objectContaining({ stage: 'nested', address: va + 4096 }),
    );
  });

  it('knows a translation in an ATC by all that led to it: STE, CD and the tables of both stages', () => {
    const wordOf = {
      STE: (nested: Nested) => nested.machine.steAddress(0),
      CD: (nested: Nested) => nested.cd,
      'stage 1': (nested: Nested) => nested.s1Entry,
      'stage 2': (nested: Nested) => nested.s2Entry,
    };
    for (const [what, find] of Object.entries(wordOf)) {
      const witness = new Witness();
      const nested = nestedMachine({
        idr: ATS_IDR,
        observer: { staleness: witness },
        steFields: { EATS: 1n },
      });
      const { machine, va } = nested;
      machine.smmu.writeRegister('CR0', 0x1dn);
      // Whatever the caches hold already is part of the answer too.
      for (const warm of [false, true]) {
        const device = new AtsDevice(machine.smmu, 0);
        const access = { address: BigInt(va), write: false };
        if (warm) machine.read(0, va);
        expect([what, device.access(access)]).toEqual([
          what,
          expect.objectContaining({ kind: 'ok' }),
        ]);
        const pa = find(nested);
        const before = machine.memory.read64(pa);
        machine.memory.write64(pa, before ^ (1n << 20n));
        const entry = { cache: 'ATC', streamId: 0, address: BigInt(va), sizeLog2: 12 };
        expect([what, witness.entries()]).toEqual([what, expect.arrayContaining([entry])]);
        witness.uses = [];
        device.access(access);
        expect(witness.uses).toContain(`ATC 0 - 12 ${va / 4096}`);
        machine.memory.write64(pa, before);
        machine.command('ATC_INV', { StreamID: 0n, Size: 52n });
        machine.command('CFGI_STE', { StreamID: 0n });
        machine.command('TLBI_NSNH_ALL');
        expect(witness.entries()).toEqual([]);
      }
    }
  });

  it('holds nothing for true that was made from memory given back', () => {
    const witness = new Witness();
    const { machine, va, stage2 } = nestedMachine({ observer: { staleness: witness } });
    machine.read(0, va);
    machine.memory.release(stage2.root, 4096);
    expect(witness.entries()).toContainEqual(expect.objectContaining({ stage: 'nested' }));
    machine.command('TLBI_S12_VMALL', { VMID: 1n });
    machine.command('CFGI_STE', { StreamID: 0n });
    expect(witness.entries()).toEqual([]);
  });
});

/** Events of a fresh SMMU have no other differences than their outcome's. */
function bare(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16) : value;
}
