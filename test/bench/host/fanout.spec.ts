import { commandName, type CommandName } from '@steward/smmu';
import { FanoutHost, type Sharing } from './fanout-host';

/** How often each command was issued for one unmap. */
function counts(sharing: Sharing): Partial<Record<CommandName, number>> {
  const counted: Partial<Record<CommandName, number>> = {};
  let counting = false;
  const host = new FanoutHost(sharing, {
    command: ({ words }) => {
      const name = commandName(words);
      if (counting && name !== undefined) counted[name] = (counted[name] ?? 0) + 1;
    },
  });
  counting = true;
  host.unmap();
  return counted;
}

const PER_SMMU = { TLBI_S2_IPA: 1, TLBI_NH_ALL: 1, SYNC: 2 };

describe('the commands of one stage-2 unmap', () => {
  it.each([1, 10, 300])('are as many for %d nested domains without ATS as for one', (devices) => {
    expect(counts({ devices, ats: false, attached: 'nested' })).toEqual(PER_SMMU);
    expect(counts({ devices, ats: false, attached: 'parent' })).toEqual(PER_SMMU);
  });

  it.each([1, 10, 300])('are one more for each of %d ATS devices, and one CMD_SYNC', (devices) => {
    const expected = { ...PER_SMMU, ATC_INV: devices, SYNC: 3 };
    expect(counts({ devices, ats: true, attached: 'nested' })).toEqual(expected);
    expect(counts({ devices, ats: true, attached: 'parent' })).toEqual(expected);
  });

  it.each([1, 2, 5])('are as many on each of %d SMMUs that mirror the IOAS', (smmus) => {
    const times = (per: Record<string, number>): Record<string, number> =>
      Object.fromEntries(Object.entries(per).map(([name, count]) => [name, count * smmus]));
    const without = { devices: 3, smmus, ats: false, attached: 'nested' } as const;
    expect(counts(without)).toEqual(times(PER_SMMU));
    expect(counts({ ...without, devices: 40 })).toEqual(times(PER_SMMU));
    const withAts = { ...PER_SMMU, ATC_INV: 3, SYNC: 3 };
    expect(counts({ ...without, ats: true })).toEqual(times(withAts));
  });
});
