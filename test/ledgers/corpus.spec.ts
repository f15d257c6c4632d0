import { readFileSync } from 'node:fs';
import { MACHINE_VERSION, MACHINE_VERSIONS } from '@steward/machine';
import { replay } from '@steward/replay';
import { keptLedgers, openCopy } from './corpus';

describe.each(keptLedgers())('the ledger that $release wrote, $file', (kept) => {
  it('verifies, and has the hash it had', async () => {
    const { ledger, close } = await openCopy(kept);
    try {
      const { commits, hash } = kept;
      expect(await ledger.verify()).toEqual({ ok: true, commits, firstBad: null });
      expect((await ledger.commit(commits))?.hash).toBe(hash);
    } finally {
      await close();
    }
  });

  it('verifies and replays opened for reading, whatever its schema, and keeps every byte', async () => {
    const { file, ledger, readModels, close } = await openCopy(kept, 'read');
    try {
      const before = readFileSync(file);
      const { digest, events, commits } = kept;
      expect(await ledger.verify()).toEqual({ ok: true, commits, firstBad: null });
      const found = await replay(ledger, readModels.digests);
      expect(found).toMatchObject({ events, recordedDigest: digest, diverged: null });
      expect(readFileSync(file).equals(before)).toBe(true);
    } finally {
      await close();
    }
  });

  it('replays to its recorded digest, or it is said which behaviour has changed since', async () => {
    const { ledger, readModels, close } = await openCopy(kept);
    try {
      const { digest, events, commits: position } = kept;
      const found = await replay(ledger, readModels.digests);
      expect(found).toMatchObject({ events, position, recordedDigest: digest, diverged: null });
      const since = MACHINE_VERSIONS.findIndex(({ version }) => version === kept.machineVersion);
      expect(since).toBeGreaterThanOrEqual(0);
      const isChanged = MACHINE_VERSIONS.slice(since + 1).length > 0;
      expect(isChanged).toBe(kept.machineVersion !== MACHINE_VERSION);
      if (!isChanged) expect(found.digest).toBe(digest);
    } finally {
      await close();
    }
  });
});
