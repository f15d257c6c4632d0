import { appended, collect, draft, event } from './__fixtures__/drafts';
import { PAGE_ROWS } from './limits';
import type { Ledger, StoredCommit } from './port';

/** Reading by position, host and stream, in pages. */
export function readingContract(get: () => Ledger): void {
  const count = PAGE_ROWS * 2 + 1;
  const fill = (): Promise<StoredCommit[]> =>
    Promise.all(
      Array.from({ length: count }, (_, i) =>
        appended(
          get(),
          draft(`c${i}`, { host: `host-${i % 3}`, events: [event(`s/${i % 2}`, i)] }),
        ),
      ),
    );

  it('gives all commits in order over several pages', async () => {
    const commits = await fill();
    expect(await collect(get().commits())).toEqual(commits);
  });

  it('gives the commits of a range, both ends exact', async () => {
    const commits = await fill();
    const range = { after: PAGE_ROWS - 1, until: PAGE_ROWS + 2 };
    expect(await collect(get().commits(range))).toEqual(
      commits.slice(PAGE_ROWS - 1, PAGE_ROWS + 2),
    );
    expect(await collect(get().commits({ after: 5, until: 5 }))).toEqual([]);
    expect(await collect(get().commits({ after: count }))).toEqual([]);
    expect(await collect(get().commits({ after: count - 1, until: 1e9 }))).toHaveLength(1);
  });

  it('gives the commits of one host', async () => {
    const commits = await fill();
    const expected = commits.filter((commit) => commit.host === 'host-1' && commit.position > 10);
    expect(await collect(get().commits({ host: 'host-1', after: 10 }))).toEqual(expected);
    expect(await collect(get().commits({ host: 'nobody' }))).toEqual([]);
  });

  it('gives the same commits as far as a fold needs them', async () => {
    const commits = await fill();
    const all = commits.map(({ position, host, events }) => ({ position, host, events }));
    expect(await collect(get().events())).toEqual(all);
    const range = { host: 'host-1', after: 10, until: PAGE_ROWS + 2 };
    expect(await collect(get().events(range))).toEqual(
      all.filter((c) => c.host === 'host-1' && c.position > 10 && c.position <= PAGE_ROWS + 2),
    );
  });

  it('gives the events of one stream, from a version and up to a position', async () => {
    const commits = await fill();
    const all = commits.flatMap((c) => c.events).filter((e) => e.stream === 's/0');
    expect(await collect(get().stream('s/0'))).toEqual(all);
    const some = all.filter((e) => e.version > 3 && e.position <= 100);
    expect(await collect(get().stream('s/0', { after: 3, until: 100 }))).toEqual(some);
    expect(await collect(get().stream('absent/1'))).toEqual([]);
  });

  it('gives the names of hosts, and of the streams of a kind, each once and in order', async () => {
    const names = Array.from({ length: PAGE_ROWS + 2 }, (_, i) => `vm/${i}`);
    for (const [i, kind] of ['vm-x/1', 'vm/\u{1f600}', 'vm/\uffee', 'v/1', 'vm0/1'].entries()) {
      await appended(get(), draft(`o${i}`, { host: `h\u00e9-${i % 2}`, events: [event(kind)] }));
    }
    await appended(get(), draft('many', { events: names.map((name) => event(name)) }));
    await appended(get(), draft('again', { events: [event('vm/1'), event('vm/1')] }));
    expect(await collect(get().hosts())).toEqual(['host-1', 'h\u00e9-0', 'h\u00e9-1']);
    const expected = [...names.sort(), 'vm/\uffee', 'vm/\u{1f600}'];
    expect(await collect(get().streams('vm'))).toEqual(expected);
    expect(await collect(get().streams('nothing'))).toEqual([]);
  });

  it('ends at what was the latest commit when reading began', async () => {
    await appended(get(), draft('a'));
    const seen: number[] = [];
    for await (const commit of get().commits()) {
      seen.push(commit.position);
      await appended(get(), draft(`more-${commit.position}`));
    }
    expect(seen).toEqual([1]);
  });

  it('gives undefined for a position that is not there', async () => {
    await appended(get(), draft('a'));
    for (const position of [0, -1, 2, 1e15]) {
      expect(await get().commit(position)).toBeUndefined();
    }
  });

  it('gives a reader its own copy', async () => {
    await appended(get(), draft('a', { commandWords: Uint8Array.of(1) }));
    (await get().commit(1))?.commandWords?.fill(9);
    expect([...((await get().commit(1))?.commandWords ?? [])]).toEqual([1]);
  });
}

/** Subscriptions: order, no gap, no repeat, loud ends. */
export function subscriptionContract(get: () => Ledger): void {
  it('gives old and new commits once each, in order, while appends go on', async () => {
    const seen: number[] = [];
    const append = (i: number): Promise<StoredCommit> => appended(get(), draft(`c${i}`));
    for (let i = 1; i <= 20; i++) await append(i);
    const subscription = get().subscribe(5, async (commit) => {
      seen.push(commit.position);
      if (commit.position % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    });
    for (let i = 21; i <= 60; i += 4) await Promise.all([0, 1, 2, 3].map((j) => append(i + j)));
    await subscription.reached(60);
    expect(seen).toEqual(Array.from({ length: 55 }, (_, i) => i + 6));
    expect(subscription.position).toBe(60);
  });

  it('handles one commit at a time', async () => {
    let running = 0;
    let most = 0;
    const subscription = get().subscribe(0, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    });
    await Promise.all(['a', 'b', 'c'].map((id) => appended(get(), draft(id))));
    await subscription.reached(3);
    expect(most).toBe(1);
  });

  it('may append from its listener', async () => {
    const subscription = get().subscribe(0, async (commit) => {
      if (commit.position < 5) await appended(get(), draft(`after-${commit.position}`));
    });
    await appended(get(), draft('first'));
    await subscription.reached(5);
    expect(await get().latest()).toBe(5);
  });

  it('gives nothing after stop', async () => {
    const seen: number[] = [];
    const subscription = get().subscribe(0, (commit) => void seen.push(commit.position));
    await appended(get(), draft('a'));
    await subscription.reached(1);
    await subscription.stop();
    await appended(get(), draft('b'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([1]);
    await expect(subscription.done).resolves.toBeUndefined();
    await expect(subscription.reached(2)).rejects.toMatchObject({ code: 'closed' });
  });

  it('stops after the commit whose listener asks for it, however many wait', async () => {
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => appended(get(), draft(id))));
    const seen: number[] = [];
    const subscription = get().subscribe(0, (commit) => {
      seen.push(commit.position);
      if (commit.position === 2) void subscription.stop();
    });
    await subscription.done;
    expect(seen).toEqual([1, 2]);
  });

  it('stops at the commit whose listener throws, and says so to all who wait', async () => {
    const other: number[] = [];
    const healthy = get().subscribe(0, (commit) => void other.push(commit.position));
    const subscription = get().subscribe(0, (commit) => {
      if (commit.position === 2) throw new Error('poison');
    });
    const waiting = subscription.reached(3);
    const failure = {
      code: 'subscription-failed',
      message: expect.stringMatching(/commit 2: poison/),
    };
    const failed = Promise.all([
      expect(subscription.done).rejects.toMatchObject(failure),
      expect(waiting).rejects.toMatchObject(failure),
    ]);
    for (const id of ['a', 'b', 'c']) await appended(get(), draft(id));
    await failed;
    expect(subscription.position).toBe(1);
    await healthy.reached(3);
    expect(other).toEqual([1, 2, 3]);
    await subscription.stop();
  });
}
