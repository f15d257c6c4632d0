import fc from 'fast-check';
import { bisect, BisectBoundsError, stepsFor, type Probe, type Verdict } from './bisect';

const from = (first: number) => async (p: number) => (p >= first ? 'bad' : 'good') as Verdict;

describe('bisect', () => {
  it('finds the first bad position with about log₂ n probes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 100_000 }), fc.nat(100_000), async (n, r) => {
        const first = 1 + (r % n);
        const result = await bisect({ good: 0, bad: n }, from(first));
        expect(result.first).toBe(first);
        expect(result.probes.length).toBeLessThanOrEqual(2 + stepsFor(n));
      }),
    );
  });

  it('goes round positions that cannot be told, and says what is left when only those are', async () => {
    const skipping = (skip: readonly number[]) => async (p: number) =>
      skip.includes(p) ? 'skip' : from(6)(p);
    expect((await bisect({ good: 0, bad: 10 }, skipping([5, 4, 8]))).first).toBeNull();
    expect(await bisect({ good: 0, bad: 10 }, skipping([4, 7]))).toMatchObject({ first: 6 });
    expect(await bisect({ good: 0, bad: 10 }, skipping([4, 5]))).toMatchObject({
      ...{ first: null, good: 3, bad: 6 },
    });
  });

  it('goes on from the probes of an interrupted run without asking them again', async () => {
    const asked: number[] = [];
    const counting = async (p: number) => (asked.push(p), from(700)(p));
    const kept: Probe[] = [];
    const stop = new Error('interrupted');
    const interrupted = bisect({ good: 0, bad: 1000 }, counting, {
      onProbe: (probe) => {
        kept.push(probe);
        if (kept.length === 5) throw stop;
      },
    });
    await expect(interrupted).rejects.toBe(stop);
    const result = await bisect({ good: 0, bad: 1000 }, counting, { known: kept });
    expect(result.first).toBe(700);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it.each([
    [{ good: 5, bad: 5 }, /must lie before/],
    [{ good: 0, bad: 3 }, /does not hold at 3/],
    [{ good: 7, bad: 9 }, /holds already at 7/],
  ])('refuses the bounds %j', async (bounds, message) => {
    const refused = await bisect(bounds, from(5)).catch((e: unknown) => e);
    expect(refused).toBeInstanceOf(BisectBoundsError);
    expect(refused).toMatchObject({ message: expect.stringMatching(message) as string });
  });
});
