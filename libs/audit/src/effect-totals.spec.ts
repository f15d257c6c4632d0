import { encodeCommand } from '@steward/smmu';
import type { CommandName } from '@steward/smmu';
import { EffectTotals, isInvalidation } from './effect-totals';

const commands = (origin: 'driver' | 'guest', ...names: CommandName[]) =>
  ({
    kind: 'commands',
    payload: { smmu: 's', origin, removed: names.map(() => [1, 2, 3, 4] as const) },
    words: BigUint64Array.from(names.flatMap((name) => [...encodeCommand(name, {})])),
  }) as const;

describe('EffectTotals', () => {
  it('counts invalidations by who issued them, and every command by name', () => {
    const totals = new EffectTotals();
    totals.add(commands('driver', 'TLBI_S2_IPA', 'CFGI_STE', 'SYNC'));
    totals.add(commands('guest', 'TLBI_NH_ALL', 'ATC_INV', 'SYNC', 'PREFETCH_CONFIG'));
    expect(totals.invalidations).toEqual({ host: 2, hardware: 4 });
    expect(totals.consumed.get('SYNC')).toBe(2);
    expect(totals.consumed.get('TLBI_NH_ALL')).toBe(1);
    expect(totals.removed).toEqual({ configuration: 7, stage1: 14, stage2: 21, nested: 28 });
  });

  it('sums DMA over batches and keeps the mismatches', () => {
    const totals = new EffectTotals();
    const counts = { accesses: 6, matched: 1, faulted: 2, mismatched: 3 };
    for (const mismatches of [['a'], ['b']]) {
      const payload = { vm: 'v', ...counts, mismatches };
      totals.add({ kind: 'dma', payload, words: new BigUint64Array() });
    }
    expect(totals.dma).toEqual({ accesses: 12, matched: 2, faulted: 4, mismatched: 6 });
    expect(totals.mismatches).toEqual(['a', 'b']);
    expect(totals.invalidations.hardware).toBe(0);
  });

  it.each<[CommandName, boolean]>([
    ['TLBI_NSNH_ALL', true],
    ['CFGI_CD', true],
    ['ATC_INV', true],
    ['SYNC', false],
    ['PREFETCH_ADDR', false],
    ['RESUME', false],
  ])('%s is an invalidation: %s', (name, is) => {
    expect(isInvalidation(name)).toBe(is);
  });
});
