import { FORKS } from './fork';

it('random forks are sound histories of their own, or are refused', async () => {
  const report = await FORKS.run(() => undefined, { seed: 1, cases: 12 });
  expect(report).toMatchObject({ ok: true, cases: 12 });
});
