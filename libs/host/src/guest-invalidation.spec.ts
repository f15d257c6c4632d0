import { command, userInput } from './__fixtures__/recorded';
import { RecordedHost } from './__fixtures__/host';

const SYNC = '000000000fc02046 0000000000000000';
const CFGI_STE = command('0000000000000003 0000000000000000');
const nhAsid = (asid: number) => [0x11n | (BigInt(asid) << 48n), 0n] as const;

describe('a batch of guest invalidations', () => {
  it.each(userInput.arrays)(
    'of $count with a refused command at $bad: $handled handled, $issued issued',
    (recorded) => {
      const host = new RecordedHost('A');
      const commands = Array.from({ length: recorded.count }, (_, i) =>
        i === recorded.bad ? CFGI_STE : nhAsid(i + 1),
      );
      const answer = host.driver.invalidate('s2', () => undefined, commands);
      expect(answer).toEqual({ handled: recorded.handled, failed: recorded.errno === 'EIO' });
      expect(host.shown.commands).toHaveLength(recorded.issued);
      const syncs = host.shown.commands.flatMap((line, i) => (line === SYNC ? [i] : []));
      expect(syncs).toEqual(recorded.syncsAt);
    },
  );

  it('is told apart from the driver’s own commands', () => {
    const host = new RecordedHost('A');
    host.driver.invalidate('s2', () => undefined, [nhAsid(9)]);
    host.attach('td0', 'parent');
    expect(host.shown.origins.slice(0, 3)).toEqual(['guest', 'driver', 'driver']);
  });

  it('of nothing is answered and issues nothing', () => {
    const host = new RecordedHost('A');
    expect(host.driver.invalidate('s2', () => undefined, [])).toEqual({
      handled: 0,
      failed: false,
    });
    expect(host.shown.commands).toEqual([]);
  });
});
