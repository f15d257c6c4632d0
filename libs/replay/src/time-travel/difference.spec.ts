import fc from 'fast-check';
import { difference } from './difference';
import type { View } from './state-view';

describe('the difference of two states', () => {
  it('has what came, what went, and the leaves of what changed', () => {
    const before = { a: { x: 1, y: { z: '0x1' } }, gone: { x: 1 }, same: { x: 1 } };
    const after = { a: { x: 1, y: { z: '0x2', w: true } }, came: { x: 2 }, same: { x: 1 } };
    expect(difference(before, after)).toEqual({
      added: { came: { x: 2 } },
      removed: { gone: { x: 1 } },
      updated: { a: { 'y.z': ['0x1', '0x2'], 'y.w': [null, true] } },
    });
  });

  it('tells the items of a list apart, so that one that goes does not shift the others', () => {
    const before = { h: { devices: ['a', 'b', 'c'], ram: [{ base: '0x0' }, { base: '0x1000' }] } };
    const after = { h: { devices: ['b', 'c', 'd'], ram: [{ base: '0x1000' }] } };
    expect(difference(before, after).updated).toEqual({
      h: {
        'devices.a': [true, null],
        'devices.d': [null, true],
        'ram.0x0': [{ base: '0x0' }, null],
      },
    });
  });

  it('tells words apart by their place', () => {
    const words = (...list: string[]) => ({ d: { ste: { words: list } } });
    expect(difference(words('0x1', '0x0'), words('0x0', '0x1')).updated).toEqual({
      d: { 'ste.words.0': ['0x1', '0x0'], 'ste.words.1': ['0x0', '0x1'] },
    });
  });

  it('of equal states is empty, and backwards it is the same with both sides swapped', () => {
    const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null));
    const state = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.dictionary(fc.constantFrom('x', 'y'), fc.dictionary(fc.constantFrom('u', 'v'), leaf)),
    );
    fc.assert(
      fc.property(state, state, (a, b) => {
        const none = { added: {}, updated: {}, removed: {} };
        expect(difference(a, structuredClone(a))).toEqual(none);
        const [there, back] = [difference(a, b), difference(b, a)];
        expect(back.added).toEqual(there.removed);
        expect(back.removed).toEqual(there.added);
        const swapped = Object.fromEntries(
          Object.entries(there.updated).map(([key, changes]) => [
            key,
            Object.fromEntries(
              Object.entries(changes).map(([path, [x, y]]): [string, readonly [View, View]] => [
                path,
                [y, x],
              ]),
            ),
          ]),
        );
        expect(back.updated).toEqual(swapped);
      }),
    );
  });
});
