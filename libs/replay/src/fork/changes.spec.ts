import type { Command } from '@steward/domain';
import { changed, ForkSyntaxError, parseChange } from './changes';
import { parseInsertions } from './insertions';

const IDR = ['0x0d44101b', '0x02730010', '0x0', '0x1414', '0x0', '0x74'] as const;
const addSmmu = (smmu: string): Command => ({
  type: 'AddSmmu',
  ...{ smmu, host: 'h', idr: IDR, iidr: '0x0', aidr: '0x1', switches: { ats: true } },
});
const registerHost: Command = { type: 'RegisterHost', host: 'h', policy: 'mainline', memory: [] };

describe('changes of a fork', () => {
  it('are policies of hosts, features and ID registers of SMMUs', () => {
    const changes = ['policy=v2-2024-08', 'ril=off', 'idr1@s=0x1'].map(parseChange);
    expect(changed(registerHost, changes)).toMatchObject({ policy: 'v2-2024-08' });
    expect(changed(addSmmu('s'), changes)).toMatchObject({
      idr: [IDR[0], '0x1', ...IDR.slice(2)],
      switches: { ats: true, rangeInvalidation: false },
    });
    expect(changed(addSmmu('other'), changes)).toMatchObject({ idr: IDR });
  });

  it('are commands that a host forgets, or no longer', () => {
    const forgets = (text: string) => changed(registerHost, [parseChange(text)]);
    expect(forgets('forgets=CMD_TLBI_NH_ALL,CFGI_STE')).toMatchObject({
      forgets: ['TLBI_NH_ALL', 'CFGI_STE'],
    });
    expect(forgets('forgets@h=none')).toMatchObject({ forgets: [] });
    expect(() => parseChange('forgets=CMD_NOTHING')).toThrow(ForkSyntaxError);
  });

  it('leave a command that they do not concern as it is', () => {
    const changes = ['policy@other=v2-2024-08', 'ats@other=off'].map(parseChange);
    for (const command of [registerHost, addSmmu('s')]) {
      expect(changed(command, changes)).toBe(command);
    }
  });

  it.each(['policy=v3', 's2fwb=maybe', 'idr6=0x0', 'idr0=17', 'colour=red', 'policy', ''])(
    'are refused when nobody knows them: "%s"',
    (text) => expect(() => parseChange(text)).toThrow(ForkSyntaxError),
  );
});

describe('insertions', () => {
  it('are commands, one a line, with the commit they come after', () => {
    const line = { after: 7, command: { type: 'FreeVsmmu', vsmmu: 'v' } };
    const words = { after: 0, actor: 'ann', host: 'h', words: ['0x1', '0x2'] };
    const queue = { ...words, command: { type: 'QueueGuestCommands', vsmmu: 'v' } };
    expect(parseInsertions(`${JSON.stringify(line)}\n\n${JSON.stringify(queue)}\n`)).toEqual([
      { ...line, actor: 'fork' },
      {
        ...{ after: 0, actor: 'ann', host: 'h' },
        command: { type: 'QueueGuestCommands', vsmmu: 'v', words: BigUint64Array.of(1n, 2n) },
      },
    ]);
  });

  it.each([
    ['{', 'line 1 is not JSON'],
    ['{"command":{"type":"FreeVsmmu"}}', 'line 1: after'],
    ['\n{"after":1,"command":{"type":"Nothing"}}', 'line 2: there is no command Nothing'],
    ['{"after":1,"command":{"type":"FreeVsmmu"},"extra":1}', 'line 1'],
  ])('that say nothing clear are refused with their line: %s', (text, message) => {
    expect(() => parseInsertions(text)).toThrow(message);
    expect(() => parseInsertions(text)).toThrow(ForkSyntaxError);
  });
});
