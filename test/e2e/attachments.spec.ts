import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expectTranscript, linesOf, steward } from './built-cli';
import { DEVICE, GUEST, SmallGuest } from './small-guest';

const S1 = [0x0000_0000_4002_000bn, 0xd6n] as const;
/** EATS=2: the kernel refuses it. */
const ILLEGAL = [S1[0], 0x2000_00d6n] as const;

describe('steward audit attachments', () => {
  let folder: string;
  const at = { s1: 0, illegal: 0, detached: 0 };
  beforeAll(async () => {
    const guest = await SmallGuest.open();
    at.s1 = (await guest.changeSte(S1)).position;
    at.illegal = (await guest.changeSte(ILLEGAL)).position;
    at.detached = (await guest.issue('vmm:g', { type: 'DetachDevice', device: DEVICE })).position;
    const target = { kind: 's2-parent', id: 'none' } as const;
    await guest.issue('vmm:g', { type: 'AttachDevice', device: DEVICE, target });
    const parent = { kind: 's2-parent', id: `${GUEST}.s2` } as const;
    await guest.issue('vmm:g', { type: 'AttachDevice', device: DEVICE, target: parent });
    folder = await guest.close({ keep: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const attachments = (...args: string[]) =>
    steward('audit', 'attachments', '--ledger', join(folder, 'ledger.db'), ...args);

  it('shows spans, every STE on the way, and refused attempts', () => {
    const printed = attachments('--device', DEVICE);
    expect([printed.code, printed.stderr]).toEqual([0, '']);
    expectTranscript('audit-attachments', printed.stdout, [folder]);
  });

  it('has the attempt that failed in the span it failed in; each span begins with the STE the last one left', () => {
    const spans = linesOf(attachments('--device', DEVICE, '--json'));
    spans.slice(1).forEach((span, i) => {
      expect(span['fromPosition']).toBe(spans[i]!['toPosition']);
      expect(span['steBefore']).toEqual(spans[i]!['ste']);
      const stes = span['stesAtSync'] as string[][];
      if (stes.length > 0) expect(stes.at(-1)).toEqual(span['ste']);
    });
    const tried = spans.flatMap((s) => (s['attempts'] as object[]).map((a) => [s['kind'], a]));
    expect(tried).toMatchObject([
      ['nested-domain', { errno: 'EIO', code: 'vste.refused', position: at.illegal + 1 }],
      ['blocked', { errno: 'ENOENT', command: { type: 'AttachDevice' } }],
    ]);
  });

  it('answers by vSMMU and parent, and says who had the device in between', () => {
    const kinds = (...args: string[]) =>
      linesOf(attachments(...args, '--json')).map((s) => [s['kind'], s['gap'] ?? false]);
    const parent = ['--parent', `${GUEST}.s2`];
    const nested = ['nested-domain', false];
    expect(kinds(...parent)).toEqual([nested, nested, nested, nested, ['s2-parent', false]]);
    expect(kinds(...parent, '--gaps')).toEqual([
      ...[nested, nested, nested, nested],
      ['blocked', true],
      ['s2-parent', false],
    ]);
    expect(kinds('--vsmmu', 'none')).toEqual([]);
    expect(attachments('--gaps').code).toBe(2);
  });
});
