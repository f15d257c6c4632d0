import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../conformance/project-root';
import { mismatch, transcriptsOf } from './transcript';

const GUIDES = join(projectRoot(), 'docs/guide');

describe('the guides', () => {
  it.each(readdirSync(GUIDES))(
    'print what %s says they print',
    (guide) => {
      const folder = mkdtempSync(join(tmpdir(), 'steward-guide-'));
      try {
        mkdirSync(join(folder, '.steward'));
        for (const name of ['bin', 'scenarios', 'test']) {
          symlinkSync(join(projectRoot(), name), join(folder, name));
        }
        const transcripts = transcriptsOf(readFileSync(join(GUIDES, guide), 'utf8'));
        expect(transcripts.length).toBeGreaterThan(0);
        for (const { command, output, exit } of transcripts) {
          const options = { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
          const { status, stdout } = spawnSync(command, { ...options, shell: true });
          expect({ command, status, wrong: mismatch(stdout, output) }).toEqual({
            ...{ command, status: exit, wrong: undefined },
          });
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    120_000,
  );

  it.each([
    ['a\nb\n', ['a', 'b'], undefined],
    ['a\nb\nc\n', ['a', '…', 'c'], undefined],
    ['a\nb\nc\n', ['…', 'c'], undefined],
    ['took 12 ms\n', ['took … ms'], undefined],
    ['a\nx\n', ['a', 'b'], 'expected "b", printed "x"'],
    ['a\nb\n', ['a'], 'printed beyond the transcript: "b"'],
    ['a\n', ['a', '…', 'b'], 'expected "b", printed "undefined"'],
  ])('compares %j with %j', (printed, output, wrong) => {
    expect(mismatch(printed, output)).toBe(wrong);
  });
});
