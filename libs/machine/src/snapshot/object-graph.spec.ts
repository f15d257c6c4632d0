import fc from 'fast-check';
import { SnapshotError } from './bytes';
import { decodeGraph } from './graph-decoder';
import { encodeGraph } from './graph-encoder';
import type { StateClasses } from './object-graph';

class Place {
  next: Place | undefined;
  constructor(readonly name: string) {}
  greeting(): string {
    return `at ${this.name}`;
  }
}
const CLASSES: StateClasses = new Map([['Place', Place]]);
const NONE: StateClasses = new Map();
const throughBytes = (value: object): object => decodeGraph(encodeGraph(value, CLASSES), CLASSES);

describe('a graph of objects', () => {
  it('comes back with every value as it was', () => {
    const leaf = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.string(),
      fc.constantFrom(null, undefined, -0, 2 ** 53 - 1, -(2 ** 53)),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
        fc.array(fc.tuple(leaf, tie('value'))).map((entries) => new Map(entries)),
        fc.array(leaf).map((items) => new Set(items)),
        fc.uint8Array(),
        fc.float64Array(),
        fc.bigUint64Array(),
      ),
    }));
    fc.assert(
      fc.property(value, (given) => {
        expect(throughBytes({ given })).toStrictEqual({ given });
      }),
      { seed: 1 },
    );
  });

  it('keeps who refers to whom, round a cycle and over shared memory', () => {
    const [a, b] = [new Place('a'), new Place('b')];
    [a.next, b.next] = [b, a];
    const words = new Uint32Array(4);
    const back = throughBytes({ a, words, high: new Float64Array(words.buffer, 8, 1) }) as {
      a: Place;
      words: Uint32Array;
      high: Float64Array;
    };
    expect(back.a.next?.next).toBe(back.a);
    expect(back.a.next?.greeting()).toBe('at b');
    back.words[2] = 7;
    expect(back.high[0]).not.toBe(0);
  });

  it('keeps memory with gaps of zeros of any length, at any place', () => {
    const run = fc.tuple(fc.nat(12), fc.uint8Array({ maxLength: 12 }));
    fc.assert(
      fc.property(fc.array(run), (runs) => {
        const bytes = Uint8Array.from(
          runs.flatMap(([zeros, data]) => [...Array<number>(zeros).fill(0), ...data]),
        );
        expect(throughBytes({ bytes })).toStrictEqual({ bytes });
      }),
      { seed: 1, numRuns: 500 },
    );
    const sparse = new Uint32Array(1 << 20);
    sparse[1 << 19] = 1;
    expect(encodeGraph({ sparse }, NONE).length).toBeLessThan(200);
  });

  it('keeps the holes of an array', () => {
    const list: number[] = [];
    [list[1], list[4]] = [1, 4];
    list.length = 6;
    const back = throughBytes({ list }) as { list: number[] };
    expect(Object.keys(back.list)).toEqual(['1', '4']);
    expect(back.list).toHaveLength(6);
  });

  it.each([
    ['a function', { wired: () => 1 }, 'no function: wired of Object'],
    ['a symbol', { mark: Symbol.iterator }, 'no symbol'],
    ['an instance of a class that was not given', { at: new Date(0) }, 'no instance of Date'],
  ])('is refused when it holds %s', (_, graph, why) => {
    expect(() => encodeGraph(graph, NONE)).toThrow(SnapshotError);
    expect(() => encodeGraph(graph, NONE)).toThrow(why);
  });

  it('of damaged bytes gives a SnapshotError or another graph, and nothing else', () => {
    const bytes = encodeGraph(
      { list: [1, 'two', 3n, new Place('x')], map: new Map([['k', new Uint32Array(3)]]) },
      CLASSES,
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, to, end) => {
        const damaged = bytes.slice(0, Math.max(end, at + 1));
        damaged[at] = to;
        try {
          decodeGraph(damaged, CLASSES);
        } catch (error) {
          if (!(error instanceof SnapshotError)) throw error;
        }
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});
