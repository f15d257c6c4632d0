import type { Measured, Measurement } from '../measurement';
import { median, nanoseconds, percentile } from '../timing';
import { FanoutHost } from './fanout-host';

/** Devices on each SMMU, and how many SMMUs. */
const CASES = [
  { name: 'host.fanout.10', devices: 10, smmus: 1 },
  { name: 'host.fanout.1000', devices: 1000, smmus: 1 },
  { name: 'host.fanout.10000', devices: 10_000, smmus: 1 },
  { name: 'host.fanout.10x1000', devices: 1000, smmus: 10 },
] as const;
/** Devices told in all, so that every size runs for about as long. */
const TOLD = 100_000;

/** One stage-2 unmap shared by ATS devices, each nested: the widest fan-out there is. */
function measure({ name, devices, smmus }: (typeof CASES)[number], quick: boolean): Measured {
  const host = new FanoutHost({ devices, smmus, ats: true, attached: 'nested' });
  const all = devices * smmus;
  const rounds = Math.max(5, Math.round((quick ? TOLD / 5 : TOLD) / all));
  const times: number[] = [];
  for (let round = -3; round < rounds; round++) {
    const spent = nanoseconds(() => host.unmap()) / 1000;
    host.map();
    if (round >= 0) times.push(spent);
  }
  const middle = median(times);
  return {
    name,
    value: middle,
    unit: 'us',
    better: 'lower',
    n: rounds,
    p50: middle,
    p99: percentile(times, 0.99),
    note: `${(middle / all).toFixed(3)} us per device; all have ATS; SMMUs: ${smmus}`,
  };
}

export const HOST_FANOUT: readonly Measurement[] = CASES.map((one) => ({
  name: one.name,
  measure: ({ quick }) => measure(one, quick),
}));
