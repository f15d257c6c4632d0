import fc from 'fast-check';
import { draft, event } from '../__fixtures__/drafts';
import { seal } from '../admission';
import { GENESIS_HASH } from '../commit-hash';
import { encodeDraft, type EncodedDraft } from '../draft-encoding';
import { packBatch, unpackBatch } from './packed-batch';

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((s) => !/\0/.test(s));
const words = fc.option(fc.uint8Array({ maxLength: 9 }), { nil: undefined });
const encoded: fc.Arbitrary<EncodedDraft> = fc
  .record({
    host: name,
    commandId: name,
    correlationId: fc.option(name, { nil: undefined }),
    commandWords: words,
    reads: fc.array(fc.record({ stream: name, version: fc.nat() }), { maxLength: 3 }),
    streams: fc.array(fc.record({ stream: name, words }), { maxLength: 4 }),
  })
  .map(({ streams, ...columns }) => {
    const events = streams.map(({ stream, words: bulk }, n) =>
      event(stream, n, bulk === undefined ? {} : { words: bulk }),
    );
    const given = Object.entries(columns).filter(([, value]) => value !== undefined);
    return encodeDraft({ ...draft('x', { events }), ...Object.fromEntries(given) });
  });

it('gives each draft the rows and the hash that sealing it gives', () => {
  const head = { position: 2 ** 40, hash: 'e'.repeat(64) };
  const versionOf = (stream: string): number => stream.length;
  fc.assert(
    fc.property(fc.array(encoded, { maxLength: 5 }), (drafts) => {
      const unpacked = unpackBatch(packBatch(drafts));
      expect(unpacked.map(({ reads }) => reads)).toEqual(drafts.map(({ reads }) => reads));
      drafts.forEach((each, i) => {
        const { commit, events } = seal(each, head, versionOf);
        const placed = unpacked[i]!.place(head, versionOf);
        const text = (row: readonly unknown[]): unknown[] =>
          row.map((value) => (Buffer.isBuffer(value) ? value.toString('utf8') : value));
        const expected = (row: object): unknown[] =>
          Object.values(row).map((value: unknown) =>
            value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value,
          );
        expect(text(placed.commitRow)).toEqual(expected(commit));
        expect(placed.eventRows.map(text)).toEqual(events.map(expected));
        expect(placed.versions).toEqual(events.map(({ version }) => version));
      });
    }),
    { seed: 5, numRuns: 100 },
  );
});

it('places a draft again as if it had never been placed', () => {
  const [one] = unpackBatch(packBatch([encodeDraft(draft('a'))]));
  const first = one!.place({ position: 0, hash: GENESIS_HASH }, () => 0).hash;
  expect(one!.place({ position: 7, hash: 'f'.repeat(64) }, () => 3).hash).not.toBe(first);
  expect(one!.place({ position: 0, hash: GENESIS_HASH }, () => 0).hash).toBe(first);
});

it('refuses bytes that are no batch', () => {
  const bytes = new Uint8Array(64);
  expect(() => unpackBatch({ bytes, count: 1 })).toThrow(TypeError);
});
