import { brief, guestView, name, run, S1, streamTable } from './__fixtures__/guest-view';
import { reactToFault } from './guest-events';
import { reactToRegisterWrite } from './guest-registers';

const ram = streamTable({ 8: S1 });
const vdevices = new Map([
  [9, 'd9'],
  [8, 'd8'],
]);
const GBPA_ABORT = 1n << 20n;

function write(
  register: 'CR0' | 'GBPA' | 'STRTAB_BASE',
  before: bigint,
  registers: Partial<Record<'CR0' | 'GBPA', bigint>>,
): string[] {
  const view = guestView({ ram, vdevices, registers });
  return brief(run(reactToRegisterWrite(view, { register, before }, name)));
}

describe('a register write of the guest', () => {
  it('that sets SMMUEN restages every stream from the table, ascending', () => {
    expect(write('CR0', 0n, { CR0: 1n })).toEqual([
      'allocate n0 0xb 0x0',
      'attach d8 n0',
      'attach d9 vs.abort',
    ]);
  });

  it('that clears SMMUEN puts every stream where GBPA says', () => {
    expect(write('CR0', 1n, { CR0: 0n })).toEqual(['attach d8 vs.bypass', 'attach d9 vs.bypass']);
    expect(write('CR0', 1n, { CR0: 0n, GBPA: GBPA_ABORT })).toEqual([
      'attach d8 vs.abort',
      'attach d9 vs.abort',
    ]);
  });

  it('to CR0 that leaves SMMUEN alone does nothing', () => {
    expect(write('CR0', 0n, { CR0: 0b1100n })).toEqual([]);
    expect(write('CR0', 1n, { CR0: 0b1101n })).toEqual([]);
  });

  it('to GBPA counts only while SMMUEN is clear', () => {
    expect(write('GBPA', 0n, { CR0: 0n, GBPA: GBPA_ABORT })).toHaveLength(2);
    expect(write('GBPA', 0n, { CR0: 1n, GBPA: GBPA_ABORT })).toEqual([]);
  });

  it('to another register does nothing', () => {
    expect(write('STRTAB_BASE', 0n, {})).toEqual([]);
  });
});

describe('a fault read from the vEVENTQ', () => {
  const record = BigUint64Array.of(0x10n, 0n, 0n, 0n);

  it('goes to the guest only while its event queue is on', () => {
    const words = record;
    expect(run(reactToFault(guestView(), record))).toEqual([
      { type: 'RecordGuestEvent', vsmmu: 'vs', words },
    ]);
    expect(run(reactToFault(guestView({ registers: { CR0: 1n } }), record))).toEqual([]);
  });
});
