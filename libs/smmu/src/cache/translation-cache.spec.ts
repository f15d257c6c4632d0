import { TlbAddress } from './tlb-address';
import { entryOrigin, KIND_NESTED, KIND_STAGE2 } from './tlb-info';
import type { TlbSpace } from './tlb-space';
import { STREAM_WORLD } from './stream-world';
import { TranslationCache } from './translation-cache';

const ANY = { granuleCode: 0, level: 0, leavesOnly: false };
const ADDRESS = 0x1000;

/** A cache with one entry per tag, and the names of the tags that still have theirs. */
function filled(): { cache: TranslationCache; left: () => string[] } {
  const cache = new TranslationCache();
  const at = new TlbAddress();
  at.set(0, ADDRESS);
  const spaces = new Map<string, TlbSpace>();
  for (const vmid of [1, 2]) {
    for (const asid of [1, 2]) {
      const { own } = cache.stage1Spaces(STREAM_WORLD.NS_EL1, { vmid, asid, aset: 0 });
      spaces.set(`v${vmid}a${asid}`, own);
    }
    for (const aset of [0, 1]) {
      const { global } = cache.stage1Spaces(STREAM_WORLD.NS_EL1, { vmid, asid: 1, aset });
      spaces.set(`v${vmid}g${aset}`, global);
    }
    spaces.set(`v${vmid}s2`, cache.stage2Space(vmid));
  }
  const tags = { vmid: 0, asid: 1, aset: 0 };
  spaces.set('el2', cache.stage1Spaces(STREAM_WORLD.EL2, tags).own);
  const e2h = cache.stage1Spaces(STREAM_WORLD.EL2_E2H, tags);
  spaces.set('e2h a1', e2h.own);
  spaces.set('e2h g', e2h.global);
  for (const [name, space] of spaces) {
    const info = entryOrigin(name.endsWith('s2') ? KIND_STAGE2 : KIND_NESTED, 3, 1);
    cache.tlb.insert(space, at, 0, 0, info);
  }
  const left = (): string[] =>
    [...spaces].filter(([, s]) => cache.tlb.find(s, at) >= 0).map(([name]) => name);
  return { cache, left };
}

const here = { half: 0 as const, first: ADDRESS, filter: ANY };
const elsewhere = { half: 0 as const, first: ADDRESS + 4096, filter: ANY };
const upper = { half: 1 as const, first: ADDRESS, filter: ANY };

describe('each invalidation removes what it names, and nothing else', () => {
  it.each<[string, (c: TranslationCache) => void, string[]]>([
    ['NH_ALL', (c) => c.removeStage1(1), ['v1a1', 'v1a2', 'v1g0', 'v1g1']],
    ['NH_ASID', (c) => c.removeAsid(1, 2), ['v1a2']],
    ['NH_VA', (c) => c.removeVa(1, 1, here), ['v1a1', 'v1g0', 'v1g1']],
    ['NH_VA of another page', (c) => c.removeVa(1, 1, elsewhere), []],
    ['NH_VA of the other half', (c) => c.removeVa(1, 1, upper), []],
    ['NH_VAA', (c) => c.removeVaAllAsids(1, here), ['v1a1', 'v1a2', 'v1g0', 'v1g1']],
    ['S2_IPA', (c) => c.removeIpa(1, here), ['v1s2']],
    ['S12_VMALL', (c) => c.removeVmid(1), ['v1a1', 'v1a2', 'v1g0', 'v1g1', 'v1s2']],
    [
      'NSNH_ALL',
      (c) => c.removeNonHyp(),
      ['v1a1', 'v1a2', 'v1g0', 'v1g1', 'v1s2', 'v2a1', 'v2a2', 'v2g0', 'v2g1', 'v2s2'],
    ],
    ['EL2_ALL', (c) => c.removeEl2(), ['el2', 'e2h a1', 'e2h g']],
    ['EL2_ASID', (c) => c.removeEl2Asid(1), ['e2h a1']],
    ['EL2_VA with E2H', (c) => c.removeEl2Va(1, true, here), ['e2h a1', 'e2h g']],
    ['EL2_VA without E2H', (c) => c.removeEl2Va(9, false, here), ['el2']],
    ['EL2_VAA with E2H', (c) => c.removeEl2VaAllAsids(true, here), ['e2h a1', 'e2h g']],
    ['a VMID never seen', (c) => c.removeVmid(9), []],
  ])('%s', (_name, invalidate, removed) => {
    const { cache, left } = filled();
    const before = left();
    invalidate(cache);
    expect(before.filter((name) => !left().includes(name)).sort()).toEqual([...removed].sort());
  });
});
