import { appended, collect, draft, event } from './__fixtures__/drafts';
import { readingContract, subscriptionContract } from './ledger-contract-reading';
import type { Ledger } from './port';

/** Makes an empty ledger; may refuse further appends once `queueLimit` are waiting. */
export type LedgerFactory = (options?: { readonly queueLimit?: number }) => Promise<Ledger>;

/**
 * What every adapter of the Ledger port must do. Declares tests, so it is called at the top of a
 * spec file.
 * @param name the adapter's name, for the report.
 */
export function describeLedgerContract(name: string, factory: LedgerFactory): void {
  describe(`${name} keeps the ledger contract`, () => {
    let ledger: Ledger;
    beforeEach(async () => {
      ledger = await factory();
    });
    afterEach(() => ledger.close());
    const get = (): Ledger => ledger;

    describe('append', () => appendContract(get));
    describe('optimistic concurrency', () => conflictContract(get));
    describe('idempotency', () => idempotencyContract(get));
    describe('drafts it refuses', () => refusedDraftContract(get));
    describe('group commit', () => groupContract(get, factory));
    describe('reading', () => readingContract(get));
    describe('subscriptions', () => subscriptionContract(get));
    describe('verify and close', () => lifecycleContract(get));
  });
}

function appendContract(get: () => Ledger): void {
  it('numbers commits from 1 without gaps, and an empty ledger is at 0', async () => {
    expect(await get().latest()).toBe(0);
    for (const [i, id] of ['a', 'b', 'c'].entries()) {
      expect((await appended(get(), draft(id))).position).toBe(i + 1);
    }
    expect(await get().latest()).toBe(3);
  });

  it('gives back every column as it was given', async () => {
    const given = draft('a', {
      commandWords: Uint8Array.of(0, 255, 1),
      outcome: { ok: true, hwpt: 'hwpt/7', text: 'naïve \u0000 \u{1f600} \ud800' },
      correlationId: 'trace-1',
      causationId: 'cause-1',
      events: [event('counter/1', 1, { words: Uint8Array.of(7, 0, 9), schema: 3 })],
    });
    await appended(get(), given);
    const stored = await get().commit(1);
    const { events, reads: _, commandWords, ...columns } = given;
    expect(stored).toMatchObject(columns);
    expect([...(stored?.commandWords ?? [])]).toEqual([0, 255, 1]);
    const [first] = stored?.events ?? [];
    const { words: __, ...eventColumns } = events[0] ?? event('');
    expect(first).toMatchObject({ ...eventColumns, position: 1, idx: 0, version: 1 });
    expect([...(first?.words ?? [])]).toEqual([7, 0, 9]);
    expect(commandWords).toBeDefined();
  });

  it('answers an append with what a reader will find', async () => {
    const commit = await appended(get(), draft('a', { events: [event('a/1'), event('b/1')] }));
    expect(await get().commit(1)).toEqual(commit);
  });

  it('leaves out members that were not given', async () => {
    const commit = await appended(get(), draft('a'));
    for (const member of ['commandWords', 'correlationId', 'causationId']) {
      expect(commit).not.toHaveProperty(member);
    }
    expect(commit.events[0]).not.toHaveProperty('words');
  });

  it('tells empty words from none', async () => {
    await appended(get(), draft('a', { commandWords: new Uint8Array() }));
    expect((await get().commit(1))?.commandWords).toHaveLength(0);
  });

  it('numbers the events of each stream on their own, over several commits', async () => {
    const events = [event('a/1'), event('b/1'), event('a/1')];
    await appended(get(), draft('x', { events }));
    const commit = await appended(get(), draft('y', { events }));
    const versions = commit.events.map(({ stream, version, idx }) => [stream, version, idx]);
    expect(versions).toEqual([
      ['a/1', 3, 0],
      ['b/1', 2, 1],
      ['a/1', 4, 2],
    ]);
  });

  it('stores a rejected command as a commit without events', async () => {
    const outcome = { ok: false, errno: 'EBUSY', code: 'device.busy', reason: 'taken' } as const;
    await appended(get(), draft('a', { outcome, events: [] }));
    expect(await get().commit(1)).toMatchObject({ outcome, events: [] });
  });

  it('keeps what was given at the call, whatever becomes of the objects', async () => {
    const words = Uint8Array.of(1);
    const payload: { n: number } = { n: 1 };
    const pending = get().append(draft('a', { events: [event('a/1', 0, { words, payload })] }));
    words[0] = 2;
    payload.n = 2;
    await pending;
    const stored = (await get().commit(1))?.events[0];
    expect([...(stored?.words ?? [])]).toEqual([1]);
    expect(stored?.payload).toEqual({ n: 1 });
  });

  it('links each commit to the one before by hash', async () => {
    const first = await appended(get(), draft('a'));
    const second = await appended(get(), draft('b'));
    expect(first.prevHash).toBe('0'.repeat(64));
    expect(second.prevHash).toBe(first.hash);
    expect(second.hash).toMatch(/^[0-9a-f]{64}$/);
  });
}

function conflictContract(get: () => Ledger): void {
  it('accepts a commit whose reads are current, written or not', async () => {
    await appended(get(), draft('a', { events: [event('a/1'), event('b/1')] }));
    const reads = [
      { stream: 'a/1', version: 1 },
      { stream: 'b/1', version: 1 },
      { stream: 'absent/1', version: 0 },
    ];
    await appended(get(), draft('b', { reads, events: [event('a/1')] }));
  });

  it('refuses the whole commit when a stream only read has moved', async () => {
    await appended(get(), draft('a', { events: [event('a/1')] }));
    const reads = [{ stream: 'a/1', version: 0 }];
    const result = await get().append(draft('b', { reads, events: [event('b/1')] }));
    expect(result).toEqual({ kind: 'conflict', stream: 'a/1', expected: 0, actual: 1 });
    expect(await get().latest()).toBe(1);
    expect(await collect(get().stream('b/1'))).toEqual([]);
  });

  it('refuses a version that the stream has not reached', async () => {
    const reads = [{ stream: 'a/1', version: 4 }];
    const result = await get().append(draft('a', { reads }));
    expect(result).toEqual({ kind: 'conflict', stream: 'a/1', expected: 4, actual: 0 });
  });

  it('lets one of two decisions on the same version through', async () => {
    const reads = [{ stream: 'a/1', version: 0 }];
    const events = [event('a/1')];
    const results = await Promise.all(
      ['x', 'y'].map((id) => get().append(draft(id, { reads, events }))),
    );
    expect(results.map((result) => result.kind)).toEqual(['appended', 'conflict']);
  });

  it('does not keep the id of a refused commit', async () => {
    await appended(get(), draft('a', { events: [event('a/1')] }));
    await get().append(draft('b', { reads: [{ stream: 'a/1', version: 0 }] }));
    await appended(get(), draft('b', { reads: [{ stream: 'a/1', version: 1 }] }));
  });
}

function idempotencyContract(get: () => Ledger): void {
  it('answers a retry with the stored commit and writes nothing', async () => {
    const reads = [{ stream: 'counter/1', version: 0 }];
    const first = await appended(get(), draft('a', { reads }));
    // Decided anew after the first attempt moved the stream, at another time, with another outcome.
    const outcome = { ok: false, errno: 'EBUSY', code: 'x', reason: 'y' } as const;
    const retry = draft('a', { reads, at: '2027-01-01T00:00:00Z', outcome, events: [] });
    expect(await get().append(retry)).toEqual({ kind: 'duplicate', commit: first });
    expect(await get().latest()).toBe(1);
  });

  it('takes a retry within the same batch for one', async () => {
    const results = await Promise.all([get().append(draft('a')), get().append(draft('a'))]);
    expect(results.map((result) => result.kind)).toEqual(['appended', 'duplicate']);
  });

  it('takes a command with its keys in another order for the same', async () => {
    await appended(get(), draft('a', { command: { x: 1, y: { z: 2, w: 3 } } }));
    const retry = draft('a', { command: { y: { w: 3, z: 2 }, x: 1 } });
    expect((await get().append(retry)).kind).toBe('duplicate');
  });

  it.each([
    ['body', { command: { type: 'Other' } }],
    ['words', { commandWords: Uint8Array.of(1) }],
    ['host', { host: 'host-2' }],
    ['actor', { actor: 'intruder' }],
  ])('refuses the id of a command with another %s', async (_, more) => {
    await appended(get(), draft('a'));
    const result = await get().append(draft('a', more));
    expect(result).toEqual({ kind: 'command-id-reused', position: 1 });
    expect(await get().latest()).toBe(1);
  });
}

function refusedDraftContract(get: () => Ledger): void {
  const payload = (value: unknown) => ({
    events: [event('a/1', 0, { payload: { value } as never })],
  });
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;

  it.each([
    ['a bigint', payload(1n)],
    ['an integer beyond 2^53', payload(2 ** 53)],
    ['NaN', payload(NaN)],
    ['a hole in an array', payload([undefined])],
    ['a class instance', payload(new Date(0))],
    ['a cycle', payload(cyclic)],
    ['a function', payload(() => 0)],
    ['a payload that is no object', { events: [event('a/1', 0, { payload: [] as never })] }],
    ['a local time', { at: '2026-01-31T12:00:00+01:00' }],
    ['a time that is none', { at: '2026-13-31T12:00:00Z' }],
    ['an empty stream name', { events: [event('')] }],
    ['a NUL in a name', { actor: 'a\0b' }],
    ['half a surrogate pair in a name', { actor: '\ud800' }],
    ['an endless name', { commandId: 'x'.repeat(2000) }],
    ['an event type of version 0', { events: [event('a/1', 0, { schema: 0 })] }],
    ['a negative version read', { reads: [{ stream: 'a/1', version: -1 }] }],
    ['a rejection with events', { outcome: { ok: false, errno: 'E', code: 'c', reason: 'r' } }],
  ] as const)('refuses %s, and writes nothing', async (_, more) => {
    const promise = get().append(draft('a', more as object));
    await expect(promise).rejects.toMatchObject({ name: 'LedgerError', code: 'invalid-draft' });
    expect(await get().latest()).toBe(0);
  });

  it('leaves out a member that is undefined, as JSON does', async () => {
    const commit = await appended(get(), draft('a', payload({ gone: undefined, kept: 1 })));
    expect(commit.events[0]?.payload).toEqual({ value: { kept: 1 } });
    expect(commit.events[0]?.payload['value']).not.toHaveProperty('gone');
  });
}

function groupContract(get: () => Ledger, factory: LedgerFactory): void {
  it('writes concurrent appends in the order of the calls', async () => {
    const ids = Array.from({ length: 300 }, (_, i) => `command-${i}`);
    const commits = await Promise.all(ids.map((id) => appended(get(), draft(id))));
    expect(commits.map((commit) => commit.position)).toEqual(ids.map((_, i) => i + 1));
    expect(commits.map((commit) => commit.events[0]?.version)).toEqual(ids.map((_, i) => i + 1));
  });

  it('a refused draft does not hurt its neighbours', async () => {
    const reads = [{ stream: 'other/1', version: 9 }];
    const drafts = [draft('a'), draft('b', { reads }), draft('c'), draft('a'), draft('d')];
    const results = await Promise.all(drafts.map((one) => get().append(one)));
    const kinds = results.map((result) => result.kind);
    expect(kinds).toEqual(['appended', 'conflict', 'appended', 'duplicate', 'appended']);
    expect((await get().verify()).ok).toBe(true);
  });

  it('refuses what exceeds the queue, and takes more once it is written', async () => {
    const small = await factory({ queueLimit: 3 });
    const attempts = ['a', 'b', 'c', 'd'].map((id) => small.append(draft(id)));
    const settled = await Promise.allSettled(attempts);
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    await expect(attempts[3]).rejects.toMatchObject({ code: 'queue-full' });
    expect((await appended(small, draft('d'))).position).toBe(4);
    await small.close();
  });
}

function lifecycleContract(get: () => Ledger): void {
  it('verifies an empty ledger and one that it wrote', async () => {
    expect(await get().verify()).toEqual({ ok: true, commits: 0, firstBad: null });
    const events = [event('a/1'), event('b/1', 0, { words: Uint8Array.of(1, 2) })];
    for (const id of ['a', 'b', 'c']) await appended(get(), draft(id, { events }));
    expect(await get().verify()).toEqual({ ok: true, commits: 3, firstBad: null });
  });

  it('writes what was queued before it closes, and takes nothing after', async () => {
    const pending = get().append(draft('a'));
    const subscription = get().subscribe(0, () => undefined);
    await get().close();
    expect((await pending).kind).toBe('appended');
    await expect(subscription.done).resolves.toBeUndefined();
    await expect(get().append(draft('b'))).rejects.toMatchObject({ code: 'closed' });
    await expect(get().latest()).rejects.toMatchObject({ code: 'closed' });
    await expect(collect(get().commits())).rejects.toMatchObject({ code: 'closed' });
    await get().close();
  });
}
