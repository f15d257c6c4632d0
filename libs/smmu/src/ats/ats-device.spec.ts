import fc from 'fast-check';
import { nestedMachine, NESTED_IDR, S1_PAGE, S2_PAGE } from '../__fixtures__/machine';
import type { CompletionSignal } from '../observer';
import { AtsDevice } from './ats-device';

const ATS_IDR = [NESTED_IDR[0] | (1 << 10), NESTED_IDR[1], 0, 0x1414, 0, 0x74] as const;
const MSI_SEV_IDR = [ATS_IDR[0] | (3 << 13), NESTED_IDR[1], 0, 0x1414, 0, 0x74] as const;
const ALL = { Size: 52n } as const;

/** A nested stream with full ATS and a device on it. */
function device(idr: readonly [number, number, 0, number, 0, number] = ATS_IDR) {
  const removed: number[] = [];
  const errors: string[] = [];
  const signals: CompletionSignal[] = [];
  const nested = nestedMachine({
    idr,
    steFields: { EATS: 1n },
    observer: {
      commandConsumed: (_words, r) => removed.push(r.atc),
      commandError: (_words, error) => errors.push(error),
      completionSignalled: (signal) => signals.push(signal),
    },
  });
  const { machine } = nested;
  machine.smmu.writeRegister('CR0', 0x1dn);
  const endpoint = new AtsDevice(machine.smmu, 0);
  const read = (address: number) => endpoint.access({ address: BigInt(address), write: false });
  const write = (address: number) => endpoint.access({ address: BigInt(address), write: true });
  return { ...nested, endpoint, read, write, removed, errors, signals };
}

describe('a device with an ATC', () => {
  it('ends where an untranslated access would, on a miss and on a hit', () => {
    const { read, write, va, pa, endpoint, machine } = device();
    expect(read(va + 16)).toMatchObject({ kind: 'ok', pa: pa + 16 });
    expect(write(va + 32)).toMatchObject({ kind: 'ok', pa: pa + 32 });
    expect(endpoint.atc.count).toBe(1);
    expect(machine.smmu.cachedEntries().atc).toBe(1);
  });

  it('sends nothing that was not granted, and no event arises', () => {
    const { read, va, machine } = device();
    expect(read(va + 4096)).toEqual({ kind: 'denied', completion: { kind: 'no-access' } });
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(0n);
  });

  it('believes its ATC until ATC_INV, however well the SMMU was invalidated', () => {
    const { read, machine, va, stage1, stage2, ipa, pa, removed } = device();
    read(va);
    machine.map(stage1, va, ipa + 4096, S1_PAGE);
    machine.map(stage2, ipa + 4096, pa + 4096, S2_PAGE);
    machine.command('TLBI_NSNH_ALL');
    machine.command('SYNC');
    expect(read(va)).toMatchObject({ pa });
    machine.command('ATC_INV', { Address: BigInt(va) });
    machine.command('SYNC');
    expect(removed).toEqual([0, 0, 1, 0]);
    expect(read(va)).toMatchObject({ pa: pa + 4096 });
  });

  it.each([
    ['another page', { Address: 0x1234_6000n }, 0],
    ['the page', { Address: 0x1234_5000n }, 1],
    ['an aligned span around it', { Address: 0x1234_7000n, Size: 2n }, 1],
    ['an aligned span beside it', { Address: 0x1234_8000n, Size: 2n }, 0],
    ['everything', ALL, 1],
    ['a Size beyond everything', { Size: 53n }, 0],
    ['a PASID, where there are none', { ...ALL, SSV: 1n }, 0],
    ['another stream', { ...ALL, StreamID: 1n }, 0],
  ])('loses to an ATC_INV of %s what it names', (_what, fields, gone) => {
    const { read, va, machine, removed, errors } = device();
    read(va);
    machine.command('ATC_INV', fields);
    expect(removed).toEqual([gone]);
    expect(errors).toEqual([]);
  });

  it('keeps everything while translation is disabled: ATC_INV is ignored', () => {
    const { read, va, machine, removed } = device();
    read(va);
    machine.smmu.writeRegister('CR0', 0x1cn);
    machine.command('ATC_INV', ALL);
    expect(removed).toEqual([0]);
  });
});

describe('a device whose ATC is invalidated as it must be', () => {
  const page = fc.integer({ min: 0, max: 3 });
  const step = fc.oneof(
    fc.record({ what: fc.constant('access' as const), page, write: fc.boolean() }),
    fc.record({ what: fc.constant('stage 1' as const), page, to: page, valid: fc.boolean() }),
    fc.record({ what: fc.constant('stage 2' as const), page, to: page, valid: fc.boolean() }),
  );

  it('ends where an untranslated access of the same moment does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { endpoint, machine, stage1, stage2, va, ipa, pa } = device();
        for (const s of steps) {
          if (s.what === 'access') {
            const access = { address: BigInt(va + s.page * 4096), write: s.write };
            const outcome = endpoint.access(access);
            const untranslated = machine.smmu.access({ streamId: 0, ...access });
            const where = 'pa' in outcome ? outcome.pa : undefined;
            expect(where).toBe('pa' in untranslated ? untranslated.pa : undefined);
            expect(outcome.kind).toBe(untranslated.kind === 'abort' ? 'denied' : untranslated.kind);
            continue;
          }
          const first = s.what === 'stage 1';
          const [table, from, to] = first ? [stage1, va, ipa] : [stage2, ipa, pa];
          const leaf = s.valid ? (first ? S1_PAGE : S2_PAGE) : 0n;
          machine.map(table, from + s.page * 4096, s.valid ? to + s.to * 4096 : 0, leaf);
          machine.command('TLBI_NSNH_ALL');
          machine.command('SYNC');
          const span = first ? { Address: BigInt(va + s.page * 4096) } : ALL;
          machine.command('ATC_INV', span);
          machine.command('SYNC');
        }
      }),
      { seed: 20261124, numRuns: 150 },
    );
  });
});

describe('an ATC_INV that is not answered', () => {
  it('stops the queue at the next CMD_SYNC, which then signals nothing', () => {
    const { read, va, machine, endpoint, errors, signals } = device();
    read(va);
    endpoint.atc.answers = false;
    machine.command('ATC_INV', ALL);
    expect(errors).toEqual([]);
    machine.command('SYNC', { CS: 1n });
    machine.command('TLBI_NSNH_ALL');
    expect(errors).toEqual(['CERROR_ATC_INV_SYNC']);
    expect(machine.smmu.readRegister('CMDQ_CONS')).toBe((3n << 24n) | 1n);
    expect(machine.smmu.readRegister('GERROR')).toBe(1n);
    expect(signals).toEqual([]);
    expect(endpoint.atc.count).toBe(1);
  });

  it('is given up with the error: the repeated CMD_SYNC completes', () => {
    const { machine, endpoint, errors, signals } = device();
    endpoint.atc.answers = false;
    machine.command('ATC_INV', ALL);
    machine.command('SYNC', { CS: 1n });
    machine.smmu.writeRegister('GERRORN', machine.smmu.readRegister('GERROR'));
    expect(errors).toEqual(['CERROR_ATC_INV_SYNC']);
    expect(machine.smmu.readRegister('CMDQ_CONS') & 0xfffffn).toBe(2n);
    expect(signals).toEqual([{ kind: 'interrupt' }]);
  });

  it('gives way to CERROR_ILL of the CMD_SYNC itself', () => {
    const { machine, endpoint, errors } = device();
    endpoint.atc.answers = false;
    machine.command('ATC_INV', ALL);
    machine.command('SYNC', { CS: 3n });
    expect(errors).toEqual(['CERROR_ILL']);
  });
});

describe('the completion signal of CMD_SYNC', () => {
  const message = { MSIAddress: 0x4100_0000n, MSIData: 7n };

  it.each([
    ['SIG_NONE', 0n, MSI_SEV_IDR, []],
    [
      'SIG_IRQ',
      1n,
      MSI_SEV_IDR,
      [{ kind: 'interrupt', message: { address: 0x4100_0000, data: 7 } }],
    ],
    ['SIG_IRQ without MSIs', 1n, ATS_IDR, [{ kind: 'interrupt' }]],
    ['SIG_SEV', 2n, MSI_SEV_IDR, [{ kind: 'event' }]],
    ['SIG_SEV without SEV', 2n, ATS_IDR, []],
  ] as const)('is as %s asks', (_what, CS, idr, expected) => {
    const { machine, signals } = device(idr);
    machine.command('SYNC', { CS, ...message });
    expect(signals).toEqual(expected);
  });

  it('takes the address of its message modulo the OAS', () => {
    const { machine } = device(MSI_SEV_IDR);
    machine.command('SYNC', { CS: 1n, MSIAddress: (1n << 50n) | 0x4100_0000n, MSIData: 7n });
    expect(machine.memory.read64(0x4100_0000)).toBe(7n);
  });
});
