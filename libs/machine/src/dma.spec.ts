import { encodeDma } from '@steward/domain';
import type { DmaExpectation } from '@steward/domain';
import type { HostDriver } from '@steward/host';
import { PhysicalMemory } from '@steward/smmu';
import type { Outcome } from '@steward/smmu';
import { performDma } from './dma';
import { GuestMemory } from './guest-memory';

const memory = new GuestMemory(new PhysicalMemory([{ base: 0x80000, size: 0x1000 }]), [
  { ipa: '0x10000', size: '0x1000', pa: '0x80000' },
]);

function perform(outcome: Outcome, ...expectations: (DmaExpectation | undefined)[]) {
  const driver = { access: () => outcome } as unknown as HostDriver;
  const words = encodeDma(
    expectations.map((expect) => ({
      device: 0,
      stream: 0,
      write: false,
      iova: 0x1234n,
      ...(expect && { expect }),
    })),
  );
  const effect = performDma(driver, memory, { vm: 'v', devices: ['d'], words });
  if (effect.kind !== 'dma') throw new Error(`${effect.kind} is no DMA effect`);
  return effect;
}

const ok = (pa: number, writable = false): Outcome => ({
  kind: 'ok',
  pa,
  readable: true,
  writable,
  attributes: { attr: 0xff, shareability: 3 },
});
const expected = (ipa: number, writable = false): DmaExpectation => ({
  kind: 'ok',
  ipa,
  readable: true,
  writable,
});
const ABORT: DmaExpectation = { kind: 'abort' };

describe('a DMA access', () => {
  it.each<[string, Outcome, DmaExpectation | undefined, 'matched' | 'faulted' | 'mismatched']>([
    ['ends where it must', ok(0x80008), expected(0x10008), 'matched'],
    ['ends elsewhere', ok(0x80010), expected(0x10008), 'mismatched'],
    ['ends right with more permission', ok(0x80008, true), expected(0x10008), 'mismatched'],
    ['ends right with less permission', ok(0x80008), expected(0x10008, true), 'mismatched'],
    ['aborts though it must end in RAM', { kind: 'abort' }, expected(0x10008), 'mismatched'],
    ['ends in RAM though it must abort', ok(0x80008), ABORT, 'mismatched'],
    ['aborts as it must', { kind: 'abort' }, ABORT, 'faulted'],
    ['finds no memory where it must abort', { kind: 'no-memory', pa: 0 }, ABORT, 'mismatched'],
    ['ends anywhere with nothing expected', ok(0x1), undefined, 'matched'],
    ['aborts with nothing expected', { kind: 'abort' }, undefined, 'faulted'],
    ['must end at an IPA nothing backs', ok(0x80008), expected(0x20000), 'mismatched'],
  ])('that %s', (_name, outcome, expectation, verdict) => {
    const { payload } = perform(outcome, expectation);
    const count = { matched: 0, faulted: 0, mismatched: 0, [verdict]: 1 };
    expect(payload).toMatchObject({ vm: 'v', accesses: 1, ...count });
    expect(payload.mismatches).toHaveLength(count.mismatched);
  });

  it('says verdict, outcome, permission and PA in its words', () => {
    expect([...perform(ok(0x80008), expected(0x10008)).words]).toEqual([0b01_00_00n, 0x80008n]);
    expect([...perform({ kind: 'abort' }, ABORT).words]).toEqual([0b01_01n, 0n]);
    expect([...perform(ok(0x80010, true), expected(0x10008)).words]).toEqual([
      0b11_00_10n,
      0x80010n,
    ]);
  });

  it('shows people the first mismatches and counts all', () => {
    const { payload } = perform(
      ok(0x80010),
      ...Array.from({ length: 20 }, () => expected(0x10008)),
    );
    expect(payload.mismatched).toBe(20);
    expect(payload.mismatches).toHaveLength(8);
    expect(payload.mismatches[0]).toBe(
      'd read 0x1234: expected PA 0x80008 r- (IPA 0x10008), got PA 0x80010 r-',
    );
  });
});
