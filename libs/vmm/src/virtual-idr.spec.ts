import { REGISTERS } from '@steward/smmu';
import { virtualIdr } from './virtual-idr';

const ones = Array.from({ length: 6 }, () => 0xffff_ffffn);
const { IDR0, IDR1, IDR3, IDR5 } = REGISTERS;

describe('virtualIdr', () => {
  const idr = virtualIdr(ones);

  it.each(['S2P', 'ATS', 'HTTU', 'PRI', 'HYP', 'MSI', 'SEV', 'VMID16', 'BTM'] as const)(
    'hides IDR0.%s whatever the host has',
    (field) => {
      expect(IDR0.layout.get([idr[0]!], field)).toBe(0n);
    },
  );

  it('shows stage 1, coherent, whatever the host has', () => {
    for (const host of [ones, ones.map(() => 0n)]) {
      const [word0] = virtualIdr(host);
      expect(IDR0.layout.get([word0!], 'S1P')).toBe(1n);
      expect(IDR0.layout.get([word0!], 'COHACC')).toBe(1n);
    }
  });

  it('shows sizes and granules as the host has them', () => {
    const host = [0x0d44101bn, 0x02730010n, 0n, 0x1414n, 0n, 0x74n];
    const shown = virtualIdr(host);
    for (const field of ['OAS', 'GRAN4K', 'GRAN16K', 'GRAN64K'] as const) {
      expect(IDR5.layout.get([shown[5]!], field)).toBe(IDR5.layout.get([host[5]!], field));
    }
    expect(IDR1.layout.get([shown[1]!], 'SIDSIZE')).toBe(0x10n);
    expect(IDR3.layout.get([shown[3]!], 'RIL')).toBe(IDR3.layout.get([host[3]!], 'RIL'));
    expect(IDR0.layout.get([shown[0]!], 'TTF')).toBe(IDR0.layout.get([host[0]!], 'TTF'));
  });

  it('gives every word in 32 bits, IDR2 and IDR4 empty', () => {
    expect(idr.every((word) => word >> 32n === 0n)).toBe(true);
    expect([idr[2], idr[4]]).toEqual([0n, 0n]);
  });
});
