import {
  Machine,
  nestedMachine,
  S1_BLOCK,
  S1_PAGE,
  S2_BLOCK,
  S2_PAGE,
} from './__fixtures__/machine';
import { eventName } from './formats/event-records';
import type { Removed } from './cache/removed';
import type { Outcome } from './transaction';

function event(outcome: Outcome): string | undefined {
  if (outcome.kind !== 'abort' || outcome.event === undefined) return undefined;
  return eventName(outcome.event);
}

describe('a nested translation', () => {
  it('reaches the PA that the IPA maps to', () => {
    const { machine, va, pa } = nestedMachine();
    expect(machine.read(0, va + 0x123)).toEqual({
      kind: 'ok',
      pa: pa + 0x123,
      readable: true,
      writable: true,
      attributes: { attr: 0x00, shareability: 2 },
    });
  });

  it('is cached once combined, and once per page that stage 2 translated', () => {
    const { machine, va } = nestedMachine();
    machine.read(0, va);
    // CD page, four stage-1 tables, the data page; STE and CD.
    expect(machine.smmu.cachedEntries()).toEqual({
      configuration: 2,
      stage1: 0,
      stage2: 6,
      nested: 1,
      atc: 0,
    });
  });

  it('outlives a stage-2 unmap until stage-1 entries are invalidated too', () => {
    const { machine, va, ipa, s2Entry } = nestedMachine();
    machine.read(0, va);
    machine.memory.write64(s2Entry, 0n);
    expect(machine.read(0, va).kind).toBe('ok');
    machine.command('TLBI_S2_IPA', { VMID: 1n, Address: BigInt(ipa) });
    expect(machine.read(0, va).kind).toBe('ok');
    machine.command('TLBI_NH_ALL', { VMID: 1n });
    expect(event(machine.read(0, va))).toBe('F_TRANSLATION');
  });

  it('answers from the stage-2 entry when only stage-1 entries were invalidated', () => {
    const { machine, va, s2Entry } = nestedMachine();
    machine.read(0, va);
    machine.memory.write64(s2Entry, 0n);
    machine.command('TLBI_NH_ALL', { VMID: 1n });
    expect(machine.read(0, va).kind).toBe('ok');
    machine.command('TLBI_S12_VMALL', { VMID: 1n });
    expect(event(machine.read(0, va))).toBe('F_TRANSLATION');
  });

  it('keeps the permissions it was cached with', () => {
    const { machine, va, ipa, s1Entry } = nestedMachine();
    machine.read(0, va);
    machine.memory.write64(s1Entry, BigInt(ipa) | S1_PAGE | (1n << 7n));
    expect(machine.write(0, va).kind).toBe('ok');
    machine.command('TLBI_NH_VA', { VMID: 1n, ASID: 1n, Address: BigInt(va) });
    expect(event(machine.write(0, va))).toBe('F_PERMISSION');
    expect(machine.read(0, va)).toMatchObject({ kind: 'ok', readable: true, writable: false });
  });

  it('is not removed by another VMID, another ASID or another page', () => {
    const { machine, va } = nestedMachine();
    machine.read(0, va);
    const cached = machine.smmu.cachedEntries();
    machine.command('TLBI_NH_ALL', { VMID: 2n });
    machine.command('TLBI_S12_VMALL', { VMID: 2n });
    machine.command('TLBI_NH_ASID', { VMID: 1n, ASID: 2n });
    machine.command('TLBI_NH_VA', { VMID: 1n, ASID: 2n, Address: BigInt(va) });
    machine.command('TLBI_NH_VA', { VMID: 1n, ASID: 1n, Address: BigInt(va + 4096) });
    machine.command('TLBI_NH_VAA', { VMID: 1n, Address: BigInt(va - 4096) });
    expect(machine.smmu.cachedEntries()).toEqual(cached);
  });

  it('tells the observer how many entries of each kind a command removed', () => {
    const removed: Removed[] = [];
    const { machine, va, ipa } = nestedMachine({
      observer: { commandConsumed: (_words, gone) => removed.push(gone) },
    });
    machine.read(0, va);
    machine.command('TLBI_S2_IPA', { VMID: 1n, Address: BigInt(ipa) });
    machine.command('TLBI_NH_ALL', { VMID: 1n });
    machine.command('CFGI_STE', { StreamID: 0n, Leaf: 1n });
    expect(removed).toEqual([
      { configuration: 0, stage1: 0, stage2: 1, nested: 0, atc: 0 },
      { configuration: 0, stage1: 0, stage2: 0, nested: 1, atc: 0 },
      { configuration: 2, stage1: 0, stage2: 0, nested: 0, atc: 0 },
    ]);
  });
});

describe('a stage-1 block that stage 2 splinters', () => {
  const block = 0x4000_0000;
  const ipa = 0x8000_0000;

  function splintered(): { machine: Machine } {
    const { machine, stage1, stage2 } = nestedMachine();
    machine.map(stage1, block, ipa, S1_BLOCK, 2);
    // New stage-1 tables must be reachable through stage 2.
    machine.mapOwnPages(stage2);
    for (const page of [1, 2, 300]) {
      machine.map(stage2, ipa + page * 4096, 0x5000_0000 + page * 4096, S2_PAGE);
      expect(machine.read(0, block + page * 4096).kind).toBe('ok');
    }
    return { machine };
  }

  it('is removed whole by one address inside it', () => {
    const { machine } = splintered();
    expect(machine.smmu.cachedEntries().nested).toBe(3);
    machine.command('TLBI_NH_VA', { VMID: 1n, ASID: 1n, Address: BigInt(block + 0x1f_f000) });
    expect(machine.smmu.cachedEntries().nested).toBe(0);
  });

  it('is removed whole by a range that touches it', () => {
    const { machine } = splintered();
    machine.command('TLBI_NH_VA', {
      VMID: 1n,
      ASID: 1n,
      Address: BigInt(block - 0x20_0000),
      NUM: 1n,
      SCALE: 9n,
      TG: 1n,
    });
    expect(machine.smmu.cachedEntries().nested).toBe(0);
  });

  it('is left alone by a level hint for pages', () => {
    const { machine } = splintered();
    const named = { VMID: 1n, ASID: 1n, Address: BigInt(block + 4096), TG: 1n };
    machine.command('TLBI_NH_VA', { ...named, TTL: 3n });
    expect(machine.smmu.cachedEntries().nested).toBe(3);
    machine.command('TLBI_NH_VA', { ...named, TTL: 2n });
    expect(machine.smmu.cachedEntries().nested).toBe(0);
  });
});

describe('a stage-2 block', () => {
  it('is one entry, removed by any address inside it', () => {
    const machine = new Machine();
    const stage2 = machine.table();
    machine.map(stage2, 0x8000_0000, 0x4000_0000, S2_BLOCK, 2);
    machine.writeSte(0, { Config: 6n, ...machine.stage2(stage2, 3n) });
    expect(machine.read(0, 0x8000_1000)).toMatchObject({ kind: 'ok', pa: 0x4000_1000 });
    expect(machine.read(0, 0x801f_f000)).toMatchObject({ kind: 'ok', pa: 0x401f_f000 });
    expect(machine.smmu.cachedEntries().stage2).toBe(1);
    machine.command('TLBI_S2_IPA', { VMID: 3n, Address: 0x8010_0000n });
    expect(machine.smmu.cachedEntries().stage2).toBe(0);
  });
});

describe('cached configuration', () => {
  it('keeps an invalid STE until it is invalidated', () => {
    const { machine, va } = nestedMachine();
    const [first = 0n] = [machine.memory.read64(machine.steAddress(0))];
    machine.memory.write64(machine.steAddress(0), first & ~1n);
    expect(event(machine.read(0, va))).toBe('C_BAD_STE');
    machine.memory.write64(machine.steAddress(0), first);
    expect(event(machine.read(0, va))).toBe('C_BAD_STE');
    machine.command('CFGI_STE', { StreamID: 0n, Leaf: 1n });
    expect(machine.read(0, va).kind).toBe('ok');
  });

  it('drops the CDs of a stream with its STE, and of no other stream', () => {
    const { machine, va, stage2, cd } = nestedMachine();
    const ste = { Config: 7n, S1ContextPtr: BigInt(cd), ...machine.stage2(stage2, 1n) };
    machine.writeSte(1, ste);
    machine.read(0, va);
    machine.read(1, va);
    machine.writeCd(cd, { V: 0n });
    machine.command('CFGI_STE', { StreamID: 0n, Leaf: 1n });
    expect(event(machine.read(0, va))).toBe('C_BAD_CD');
    expect(machine.read(1, va).kind).toBe('ok');
    machine.command('CFGI_CD', { StreamID: 1n, SubstreamID: 0n, Leaf: 1n });
    expect(event(machine.read(1, va))).toBe('C_BAD_CD');
  });

  it('is not kept of a fetch that failed', () => {
    const { machine, stage2, va } = nestedMachine();
    const hole = 0x9000_0000;
    machine.writeSte(2, { Config: 7n, S1ContextPtr: BigInt(hole), ...machine.stage2(stage2, 1n) });
    expect(event(machine.read(2, va))).toBe('F_TRANSLATION');
    expect(machine.smmu.cachedEntries()).toMatchObject({ configuration: 1, stage2: 0 });
  });
});
