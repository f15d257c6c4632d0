import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../conformance/project-root';

interface Decoded {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function decode(...args: string[]): Decoded {
  const program = join(projectRoot(), 'bin/steward');
  const { status, stdout, stderr } = spawnSync(program, ['decode', ...args], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

const verdict = (...args: string[]): string =>
  decode(...args)
    .stdout.trim()
    .split('\n')
    .at(-1) ?? '';
const json = (...args: string[]): Record<string, unknown> =>
  JSON.parse(decode(...args, '--json').stdout) as Record<string, unknown>;

describe('steward decode', () => {
  test.each([
    ['ste 000000004452d00f 800d6 044c359400000001 40012000', 'legal (IHI 0070 §5.2.2)'],
    ['ste 0', 'not legal: V: the STE is not valid → C_BAD_STE (IHI 0070 §5.2.2)'],
    ['cmd 40 0', 'not legal: Opcode: ATS is not implemented → CERROR_ILL (IHI 0070 §4.1.3)'],
    ['cmd 40 0 --idr0 d44141b', 'legal (IHI 0070 §4.1.3)'],
    ['table 414e5003 --level 1', 'legal (DDI 0487 D8.3.1)'],
    ['l1std 67824009', 'legal (IHI 0070 §5.1)'],
  ])('%s: %s', (line, expected) => {
    expect(verdict(...line.split(' '))).toBe(expected);
  });

  test('a vSTE is judged as the kernel judges it', () => {
    expect(verdict('vste', '4452d00b', 'd6')).toMatch(/^legal/);
    expect(verdict('vste', '4452d00b', '80000000000000d6')).toMatch(/^not legal.*EIO/);
  });

  test('a block where its level has none ends the walk', () => {
    expect(verdict('s1leaf', '1', '--level', '0')).toMatch(/^not legal: Type.*F_TRANSLATION/);
    expect(json('s2leaf', '60000008090687', '--level', '3')).toMatchObject({
      kind: 's2leaf',
      words: ['0x0060000008090687'],
      descriptor: { kind: 'page' },
      legality: { legal: true },
    });
  });

  test('--json has each field with its bits, value and meaning', () => {
    const { fields } = json('cmd', '0003000000200012', 'fffdc701');
    expect(fields).toContainEqual({ name: 'ASID', bits: '[63:48]', value: '0x3' });
    expect(fields).toContainEqual({ name: 'TG', bits: '[75:74]', value: '0x1', meaning: '4K' });
  });

  test.each([
    ['cmd 1 2 3', /cmd/],
    ['ste xyz', /xyz/],
    ['widget 1', /widget/],
    ['table 3 --level 7', /level/],
    ['ste 1 --idr0 zz', /zz/],
  ])('%s is a usage error that names what is wrong', (line, message) => {
    const { code, stderr } = decode(...line.split(' '));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
