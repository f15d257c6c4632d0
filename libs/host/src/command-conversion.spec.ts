import { convertGuestCommand } from './command-conversion';
import { probe } from './probe';
import { command, line, recordedSmmu, userInput, words } from './__fixtures__/recorded';
import type { CommandWords } from '@steward/smmu';

const VSIDS = new Map([
  [0x55, 0x10],
  [0x1234, 0x18],
  [0xabcde, 0x100],
]);
const context = (run: string) => ({
  vmid: 1,
  streamIdOf: (vsid: number) => VSIDS.get(vsid),
  probe: probe(recordedSmmu(run)),
});

describe('the conversion of a guest’s command', () => {
  it.each(userInput.single)('run $run: $entry becomes $issued', ({ run, entry, issued }) => {
    const converted = convertGuestCommand(command(entry), context(run));
    expect(converted === undefined ? null : line(converted)).toBe(issued);
  });

  it.each(userInput.sweeps)(
    'run $run: $case is answered as the kernel answers',
    ({ run, base, errnoPerBit }) => {
      const [word0, word1] = words(base.split(' '));
      const answers = Array.from({ length: 128 }, (_, bit) => {
        const toggled: CommandWords =
          bit < 64
            ? [word0! ^ (1n << BigInt(bit)), word1!]
            : [word0!, word1! ^ (1n << BigInt(bit - 64))];
        return convertGuestCommand(toggled, context(run)) === undefined ? 'I' : '.';
      });
      expect(answers.join('')).toBe(errnoPerBit);
    },
  );

  it('never lets a guest name a VMID', () => {
    for (let opcode = 0n; opcode < 0x40n; opcode++) {
      const converted = convertGuestCommand([opcode | (7n << 32n), 0n], context('A'));
      if (converted === undefined || opcode < 0x10n) continue;
      expect((converted[0] >> 32n) & 0xffffn).toBe(1n);
    }
  });

  it('refuses reserved combinations of the range fields', () => {
    const nhVa = (fields: { num?: bigint; tg?: bigint; ttl?: bigint }): boolean => {
      const { num = 0n, tg = 0n, ttl = 0n } = fields;
      const entry = [0x12n | (num << 12n), (ttl << 8n) | (tg << 10n)] as const;
      return convertGuestCommand(entry, context('A')) !== undefined;
    };
    expect(nhVa({})).toBe(true);
    expect(nhVa({ num: 1n })).toBe(false);
    expect(nhVa({ tg: 1n })).toBe(false);
    expect(nhVa({ tg: 2n, ttl: 1n, num: 3n })).toBe(false);
    expect(nhVa({ tg: 2n, ttl: 2n })).toBe(true);
  });
});
