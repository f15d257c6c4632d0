import fc from 'fast-check';
import { draft, event } from '../__fixtures__/drafts';
import { seal } from '../admission';
import { GENESIS_HASH } from '../commit-hash';
import { encodeDraft, type EncodedDraft } from '../draft-encoding';
import { decodeCommit } from '../rows';
import { draftsOf, packBatch, writtenCommit } from './packed-batch';

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
      const batch = packBatch(drafts);
      const bytes = (value: unknown): unknown =>
        value instanceof Uint8Array || typeof value === 'string'
          ? String(Buffer.from(value))
          : value;
      let at = 0;
      for (const one of draftsOf([batch])) {
        const { reads } = drafts[at]!;
        const { commit, events } = seal(drafts[at]!, head, versionOf);
        expect(one.reads).toEqual(reads);
        const own = new Map<string, number>();
        const placed = one.place(head, (stream) => {
          own.set(stream, (own.get(stream) ?? versionOf(stream)) + 1);
          return own.get(stream)!;
        });
        expect(placed.commitRow.map(bytes)).toEqual(Object.values(commit).map(bytes));
        const columns = events.flatMap((row) => Object.values(row) as unknown[]);
        expect(placed.eventColumns.map(bytes)).toEqual(columns.map(bytes));
        expect(placed.streams).toEqual(events.map(({ stream }) => stream));
        expect(writtenCommit(batch, at++, commit.hash)).toEqual(decodeCommit(commit, events));
      }
      expect(at).toBe(drafts.length);
    }),
    { seed: 5, numRuns: 100 },
  );
});

it('places a draft again as if it had never been placed', () => {
  const [one] = draftsOf([packBatch([encodeDraft(draft('a'))])]);
  const first = one!.place({ position: 0, hash: GENESIS_HASH }, () => 1).hash;
  expect(one!.place({ position: 7, hash: 'f'.repeat(64) }, () => 4).hash).not.toBe(first);
  expect(one!.place({ position: 0, hash: GENESIS_HASH }, () => 1).hash).toBe(first);
});

it('refuses bytes that are no batch', () => {
  const bytes = new Uint8Array(64);
  expect(() => [...draftsOf([{ bytes, starts: [0] }])]).toThrow(TypeError);
});
