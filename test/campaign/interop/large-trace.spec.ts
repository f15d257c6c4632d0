import { LARGE_TRACE } from './large-trace';

it('a trace that is repeated imports in little memory, boot by boot', async () => {
  const report = await LARGE_TRACE.run(() => undefined, { cases: 8 });
  expect(report).toMatchObject({ ok: true, boots: 8, translations: 8 * 2740 });
});
