import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { StateFile } from './state-file';

describe('a state file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'steward-state-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'state.json');
  const kept = { what: 'search', schema: z.object({ done: z.int() }) };
  const of = (question: Record<string, string | number>, at: string | undefined = file) =>
    new StateFile(at, question, kept);

  it('gives back what was kept of the same question, and nothing once it is removed', () => {
    const state = of({ ledger: 'a', bad: 7 });
    expect(state.read()).toBeUndefined();
    state.keep({ done: 3 });
    state.keep({ done: 4 });
    expect(of({ ledger: 'a', bad: 7 }).read()).toEqual({ done: 4 });
    expect(existsSync(`${file}.new`)).toBe(false);
    state.remove();
    expect(state.read()).toBeUndefined();
  });

  it('refuses to go on with another question, or with what is no state', () => {
    of({ ledger: 'a' }).keep({ done: 3 });
    expect(() => of({ ledger: 'b' }).read()).toThrow(/something else; remove it first/);
    writeFileSync(file, '{"question":{"ledger":"a"},"done":"x"}');
    expect(() => of({ ledger: 'a' }).read()).toThrow(/holds no search/);
  });

  it('keeps nothing where no file is named', () => {
    const state = new StateFile(undefined, {}, kept);
    state.keep({ done: 1 });
    expect(state.read()).toBeUndefined();
    state.remove();
  });
});
