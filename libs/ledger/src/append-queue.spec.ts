import { AppendQueue } from './append-queue';
import { LedgerError } from './ledger-error';

const LIMITS = { queued: 100, batch: 3 };

describe('group commit', () => {
  it('shares one write among what is pushed in a turn, up to the batch limit', async () => {
    const batches: (readonly number[])[] = [];
    const queue = new AppendQueue<number, number>((batch) => {
      batches.push(batch);
      return batch.map((item) => item * 10);
    }, LIMITS);
    const answers = await Promise.all([1, 2, 3, 4, 5].map((item) => queue.push(item)));
    expect(answers).toEqual([10, 20, 30, 40, 50]);
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('gathers what arrives while a batch is written, and answers nothing before its batch is', async () => {
    const batches: (readonly number[])[] = [];
    let finish: () => void = () => undefined;
    const queue = new AppendQueue<number, number>(async (batch) => {
      batches.push(batch);
      await new Promise<void>((resolve) => (finish = resolve));
      return batch;
    }, LIMITS);
    let isAnswered = false;
    const first = queue.push(1).then(() => (isAnswered = true));
    await new Promise((resolve) => setImmediate(resolve));
    const later = [queue.push(2), queue.push(3)];
    await new Promise((resolve) => setImmediate(resolve));
    expect([batches, isAnswered]).toEqual([[[1]], false]);
    finish();
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    finish();
    await Promise.all(later);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  it('gives the writer a full batch at once, and the next while it writes, where it takes several', async () => {
    const batches: (readonly number[])[] = [];
    const finish: (() => void)[] = [];
    const queue = new AppendQueue<number, number>(
      async (batch) => {
        batches.push(batch);
        await new Promise<void>((resolve) => finish.push(resolve));
        return batch;
      },
      { queued: 100, batch: 2, underWay: 2 },
    );
    const pushed = [1, 2, 3, 4, 5].map((item) => queue.push(item));
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(batches).toHaveLength(2);
    finish[1]?.();
    expect(await pushed[3]).toBe(4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(batches[2]).toEqual([5]);
    finish[0]?.();
    finish[2]?.();
    expect(await Promise.all(pushed)).toEqual([1, 2, 3, 4, 5]);
    await queue.drained();
  });

  it('rejects all of a batch that was not written, and goes on', async () => {
    let isBroken = true;
    const queue = new AppendQueue<number, number>((batch) => {
      if (isBroken) throw new LedgerError('io', 'disk full');
      return batch;
    }, LIMITS);
    const settled = await Promise.allSettled([queue.push(1), queue.push(2)]);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isBroken = false;
    expect(await queue.push(3)).toBe(3);
  });

  it('rejects the one item whose answer is an error', async () => {
    const error = new LedgerError('corrupt', 'just this one');
    const queue = new AppendQueue<number, number>(
      (batch) => batch.map((item) => (item === 2 ? error : item)),
      LIMITS,
    );
    const settled = await Promise.allSettled([1, 2, 3].map((item) => queue.push(item)));
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('counts what is being written against the limit', async () => {
    let finish: () => void = () => undefined;
    const queue = new AppendQueue<number, number>(
      (batch) => new Promise((resolve) => (finish = () => resolve(batch))),
      { queued: 2, batch: 1 },
    );
    const taken = [queue.push(1), queue.push(2)];
    await new Promise((resolve) => setImmediate(resolve));
    await expect(queue.push(3)).rejects.toMatchObject({ code: 'queue-full' });
    finish();
    await taken[0];
    await new Promise((resolve) => setImmediate(resolve));
    finish();
    await Promise.all(taken);
    await queue.drained();
  });
});
