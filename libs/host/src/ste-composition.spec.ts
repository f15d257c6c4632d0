import { STE } from '@steward/smmu';
import { composeSte, type Stage2Configuration } from './ste-composition';
import { words } from './__fixtures__/recorded';

const stage2: Stage2Configuration = {
  vmid: 1,
  ttb: 0x4143_a000,
  t0sz: 20,
  sl0: 2,
  ps: 4,
  s2fwb: false,
  stalls: false,
};
const rest = ['0', '0', '0', '0'];

const nested = { kind: 'nested', stage2, mergedEvents: true } as const;

describe('the physical STE', () => {
  it('is the recorded one for a stage-2 domain', () => {
    expect(composeSte({ kind: 's2', stage2, ats: false })).toEqual(
      words(['000000000000000d', '0', '044c359400000001', '000000004143a000', ...rest]),
    );
  });

  it('is the recorded one for a nested vSTE with every allowed bit set', () => {
    const vste = [0xf80f_ffff_ffff_fffbn, 0x0800_00ffn] as const;
    expect(composeSte({ ...nested, ats: false, vste })).toEqual(
      words([
        'f80fffffffffffff',
        '00000000080800ff',
        '044c359400000001',
        '000000004143a000',
        ...rest,
      ]),
    );
  });

  it('gives a bypass vSTE the stage-2 entry of its parent', () => {
    for (const ats of [false, true]) {
      expect(composeSte({ ...nested, ats, vste: [0x9n, 0n] })).toEqual(
        composeSte({ kind: 's2', stage2, ats }),
      );
    }
  });

  it('gives an abort or invalid vSTE the abort entry, whatever the parent', () => {
    const abort = words(['1', '0', '0', '0', ...rest]);
    expect(composeSte({ kind: 'abort' })).toEqual(abort);
    expect(composeSte({ ...nested, ats: true, vste: [0x1n, 0n] })).toEqual(abort);
    expect(composeSte({ ...nested, ats: true, vste: [0n, 0n] })).toEqual(abort);
  });

  it('asks for the incoming shareability only where SHCFG is implemented', () => {
    const shcfg = (override: boolean): bigint =>
      STE.get(composeSte({ kind: 'bypass' }, override), 'SHCFG');
    expect([shcfg(false), shcfg(true)]).toEqual([0n, 1n]);
    expect(STE.get(composeSte({ kind: 's2', stage2, ats: false }, true), 'SHCFG')).toBe(1n);
  });

  it('marks forced write-back tables', () => {
    const ste = composeSte({ kind: 's2', stage2: { ...stage2, s2fwb: true }, ats: true });
    expect(ste[1]).toBe(0x1200_0000n);
  });
});
