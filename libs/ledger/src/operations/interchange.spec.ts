import fc from 'fast-check';
import { appended, collect, draft, event } from '../__fixtures__/drafts';
import { MemoryLedger } from '../memory-ledger';
import type { Ledger } from '../port';
import type { RecordedDigest } from '../read-models/digests';
import { exportLog } from './export-log';
import { importLog } from './import-log';

const digestAt = (position: number): RecordedDigest => {
  return { position, host: 'h', machineVersion: '1', digest: `d${position}` };
};

/** A ledger with all that a commit may hold. */
async function filled(): Promise<Ledger> {
  const ledger = new MemoryLedger();
  const events = [
    event('a/1', 1, { words: Uint8Array.of(0, 255), schema: 2 }),
    event('b/é', 2, {
      payload: { '2': 1, b: [null, 1e-300, -0.5, '\u0000\ud800'], __proto__x: {} },
    }),
    event('a/1'),
  ];
  await appended(ledger, draft('x', { events, commandWords: new Uint8Array() }));
  const outcome = { ok: false, errno: 'EBUSY', code: 'c', reason: 'r' } as const;
  await appended(ledger, draft('y', { outcome, events: [], correlationId: 'k', causationId: '1' }));
  await appended(ledger, draft('z', { events }));
  return ledger;
}

async function exported(ledger: Ledger, digests = [1, 3].map(digestAt)): Promise<string> {
  return (await collect(exportLog(ledger, digests))).join('');
}

async function* pieces(text: string, size = 1000): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function imported(text: string, size?: number): Promise<[Ledger, RecordedDigest[]]> {
  const ledger = new MemoryLedger();
  const digests: RecordedDigest[] = [];
  await importLog({ ledger, record: (more) => digests.push(...more) }, pieces(text, size));
  return [ledger, digests];
}

const refusal = (text: string): Promise<string> =>
  imported(text).then(
    () => 'imported',
    (error: unknown) => `${(error as { code?: string }).code}: ${(error as Error).message}`,
  );

describe('a log as text', () => {
  it('comes back with the same commits, hashes and digests, whatever the pieces it is read in', async () => {
    const original = await filled();
    const text = await exported(original);
    for (const size of [1, 7, 100_000]) {
      const [copy, digests] = await imported(text, size);
      expect(await collect(copy.commits())).toEqual(await collect(original.commits()));
      expect(digests).toEqual([digestAt(1), digestAt(3)]);
      expect(await exported(copy, digests)).toBe(text);
    }
    expect(await refusal(await exported(new MemoryLedger(), []))).toBe('imported');
  });

  it('is refused when any character of a commit was changed', async () => {
    const text = await exported(await filled());
    const from = text.indexOf('\n') + 1;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: from, max: text.length - 2 }), async (at) => {
        const other = text[at] === '7' ? '8' : '7';
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        // A digest is recorded beside the log; no hash covers it.
        const line = text.slice(0, at).split('\n').length;
        if (text.split('\n')[line - 1]?.startsWith('{"digest')) return;
        expect(await refusal(changed)).toMatch(/^bad-export: line \d+/);
      }),
      { seed: 8, numRuns: 300 },
    );
  });

  it('is refused when lines are missing, swapped, repeated or added', async () => {
    const lines = (await exported(await filled())).trimEnd().split('\n');
    const told = (...order: number[]): Promise<string> =>
      refusal(order.map((i) => `${lines[i]}\n`).join(''));
    expect(lines).toHaveLength(7);
    expect(await told(0, 1, 2, 3, 4, 5, 6)).toBe('imported');
    expect(await told(0, 1, 2, 3, 4, 5)).toMatch(/line 7: the text ends before its end/);
    expect(await told(0, 1, 2, 3, 6)).toMatch(/line 5: it ends after 2 commits and 1 digests/);
    expect(await told(0, 1, 2, 4, 5, 6)).toMatch(/line 4: commit 3: commit 2 was expected/);
    expect(await told(0, 1, 3, 4, 5, 6)).toMatch(/line 6: it ends after 3 commits and 1 digests/);
    expect(await told(0, 3, 1, 2, 4, 5, 6)).toMatch(/line 2: commit 2: commit 1 was expected/);
    expect(await told(0, 1, 1, 2, 3, 4, 5, 6)).toMatch(/line 3: commit 1: commit 2 was expected/);
    expect(await told(0, 1, 2, 3, 4, 5, 6, 6)).toMatch(/line 8: there is more after the end/);
    expect(await told(0, 1, 3, 2, 4, 5, 6)).toMatch(/line 4: a digest of commit 1 out of order/);
    expect(await told(1, 2)).toMatch(/line 1: it does not begin a log/);
  });

  it('is refused into a ledger that holds commits', async () => {
    const text = pieces(await exported(await filled()));
    const target = { ledger: await filled(), record: () => undefined };
    await expect(importLog(target, text)).rejects.toMatchObject({ code: 'not-empty' });
  });

  it('is refused when it has a member that a log does not have, or words that are no base64', async () => {
    const text = await exported(await filled());
    expect(await refusal(text.replace('"host"', '"hosts"'))).toMatch(/bad-export: line 2/);
    expect(await refusal(text.replace('"AP8="', '"AP8*"'))).toMatch(/bad-export: line 2/);
    expect(await refusal('{"steward":"ledger","format":2}\n')).toMatch(/line 1: format 2/);
    expect(await refusal('nonsense')).toMatch(/line 1: not JSON/);
  });
});
