import * as fc from 'fast-check';
import { RamOwners, type OwnedRange } from './ram-owners';

const SPACE = 40;
const range = fc.record({
  base: fc.integer({ min: 0, max: SPACE - 1 }),
  size: fc.integer({ min: 1, max: 12 }),
  vm: fc.constantFrom('a', 'b', 'c'),
});

describe('the owners of RAM', () => {
  it('are those whose ranges were assigned last, byte by byte', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), (assigned: OwnedRange[]) => {
        const owners = new RamOwners();
        const bytes = new Array<string | undefined>(SPACE * 2).fill(undefined);
        for (const one of assigned) {
          owners.assign(one);
          bytes.fill(one.vm, one.base, one.base + one.size);
        }
        expect(bytes.map((_, pa) => owners.ownerOf(pa))).toEqual(bytes);
      }),
      { seed: 20_261_124, numRuns: 500 },
    );
  });
});
