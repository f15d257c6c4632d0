import { attachments, type RecordedTarget } from './__fixtures__/recorded';
import { RecordedHost } from './__fixtures__/host';

const title = (target: RecordedTarget): string =>
  typeof target === 'string' ? target : target.join(' ');
const cases = attachments.map(
  (recorded) =>
    [
      `${recorded.run} ${recorded.device}: ${title(recorded.from)} → ${title(recorded.to)}`,
      recorded,
    ] as const,
);

describe('an attachment', () => {
  it.each(cases)('issues the recorded commands over the recorded STEs: %s', (_, recorded) => {
    const host = new RecordedHost(recorded.run);
    if (recorded.from !== 'blocked') host.attach(recorded.device, recorded.from);
    host.clear();
    host.attach(recorded.device, recorded.to);
    expect(host.shown.commands).toEqual(recorded.cmds);
    const words = host.shown.steAtSync.map((at) =>
      at.words
        .slice(0, 4)
        .map((word, i) => (i === 3 && word !== 0n ? 'table' : word.toString(16).padStart(16, '0'))),
    );
    expect(words).toEqual(
      recorded.steAtSync.map((ste) =>
        ste.map((word) => (/^0+$/.test(word) ? '0'.repeat(16) : word)),
      ),
    );
    const last = host.shown.steAtSync.at(-1);
    if (last) expect(host.driver.physicalSte(recorded.device)).toEqual(last.words);
  });

  const S1 = ['000000004000100b', '0000000000000000'];

  it('leaves a VMID’s cached entries alone while another device uses it', () => {
    const host = new RecordedHost('A');
    host.attach('td0', S1);
    host.attach('td1', S1);
    host.clear();
    host.attach('td0', 'blocked');
    expect(host.shown.commands).not.toContain('0000000100000028 0000000000000000');
    host.attach('td1', 'blocked');
    expect(host.shown.commands.slice(-2)).toEqual([
      '0000000100000028 0000000000000000',
      '000000000fc02046 0000000000000000',
    ]);
    expect(host.driver.invalidationTargets('s2')).toEqual([]);
  });

  it('tells the new parent’s users before the old parent’s are forgotten', () => {
    const host = new RecordedHost('A');
    host.driver.allocateParent({ id: 'other', smmu: 'smmu0', vmid: 2 });
    host.attach('td0', S1);
    host.clear();
    host.driver.attach('td0', { kind: 'parent', parent: 'other' });
    expect(host.shown.commands.at(-2)).toBe('0000000100000028 0000000000000000');
    expect(host.driver.invalidationTargets('other').map((entry) => entry.users)).toEqual([1, 1]);
  });

  it('serves every stream of a device, a repeated StreamID once', () => {
    const host = new RecordedHost('A');
    const streamIds = [0x300, 0x301, 0x300];
    host.driver.addDevice({ id: 'two', smmu: 'smmu0', streamIds, canwbs: true, ats: false });
    host.attach('two', 'parent');
    expect(host.shown.steAtSync.map((at) => at.streamId)).toEqual([0x300, 0x300, 0x301, 0x301]);
  });

  it('changes nothing when the kernel would refuse it', () => {
    const host = new RecordedHost('A');
    const vste = [0x4000_100bn, 0n] as const;
    const attach = (to: object) => () => host.driver.attach('td0', to as never);
    expect(attach({ kind: 'nested', parent: 's2', vste })).toThrow(/no vDEVICE/);
    const stage2 = { kind: 'nested', parent: 's2', vste: [0xdn, 0n], vsid: 1 };
    expect(attach(stage2)).toThrow(/Config/);
    expect(attach({ kind: 'parent', parent: 'nowhere' })).toThrow(/no nest parent/);
    expect(host.shown.commands).toEqual([]);
    expect(host.driver.invalidationTargets('s2')).toEqual([]);
  });

  it('refuses a parent of another SMMU', () => {
    const host = new RecordedHost('A');
    const { idr } = { idr: [0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74] as const };
    host.driver.addSmmu({ id: 'smmu1', idr, iidr: 0, aidr: 1 });
    host.driver.allocateParent({ id: 'far', smmu: 'smmu1', vmid: 1 });
    expect(() => host.driver.attach('td0', { kind: 'parent', parent: 'far' })).toThrow(/another/);
  });
});
