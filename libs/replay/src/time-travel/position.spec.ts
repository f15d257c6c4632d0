import { ledgerOf } from '../__fixtures__/two-hosts';
import { PositionError, resolvePosition } from './position';

describe('a position', () => {
  it.each([
    ['3', 3],
    ['0', 0],
    ['latest', 4],
    ['@{-0}', 4],
    ['@{-3}', 1],
    ['time:2026-01-31T12:00:02Z', 2],
    ['time:2026-01-31T12:00:02.999Z', 2],
    ['time:2026-01-31T13:00:03+01:00', 3],
    ['time:2027-01-01T00:00:00Z', 4],
  ])('%s is commit %d', async (text, position) => {
    expect(await resolvePosition(text, await ledgerOf())).toBe(position);
  });

  it('is found by the beginning of its hash', async () => {
    const ledger = await ledgerOf();
    for (let p = 1; p <= 4; p++) {
      const { hash = '' } = (await ledger.commit(p)) ?? {};
      expect(await resolvePosition(`commit:${hash.slice(0, 12)}`, ledger)).toBe(p);
    }
  });

  it.each([
    ['5', 'missing', /no commit 5: the ledger ends at 4/],
    ['@{-5}', 'missing', /no commit @\{-5\}/],
    ['time:2026-01-31T11:59:59Z', 'missing', /as old as/],
    ['commit:ffffffffffff', 'missing', /begins with ffffffffffff/],
    ['time:yesterday', 'syntax', /RFC 3339/],
    ['time:2026-13-31T11:59:59Z', 'syntax', /RFC 3339/],
    ['commit:xyz', 'syntax', /commit:HASH-PREFIX/],
    ['-1', 'syntax', /a commit number/],
    ['', 'syntax', /a commit number/],
  ])('%j is refused as %s', async (text, code, message) => {
    const refused = await resolvePosition(text, await ledgerOf()).catch((e: unknown) => e);
    expect(refused).toBeInstanceOf(PositionError);
    expect(refused).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});
