import type { Measured, Measurement } from '../measurement';
import { median, nanoseconds, percentile } from '../timing';
import { FanoutHost } from './fanout-host';

const DEVICES = [10, 1000, 10_000] as const;
/** Devices told in all, so that every size runs for about as long. */
const TOLD = 100_000;

/** One stage-2 unmap shared by ATS devices, each nested: the widest fan-out there is. */
function measure(devices: number, quick: boolean): Measured {
  const host = new FanoutHost({ devices, ats: true, attached: 'nested' });
  const rounds = Math.max(5, Math.round((quick ? TOLD / 5 : TOLD) / devices));
  const times: number[] = [];
  for (let round = -3; round < rounds; round++) {
    const spent = nanoseconds(() => host.unmap()) / 1000;
    host.map();
    if (round >= 0) times.push(spent);
  }
  const middle = median(times);
  return {
    name: `host.fanout.${devices}`,
    value: middle,
    unit: 'us',
    better: 'lower',
    n: rounds,
    p50: middle,
    p99: percentile(times, 0.99),
    note: `${(middle / devices).toFixed(3)} us per device; all have ATS`,
  };
}

export const HOST_FANOUT: readonly Measurement[] = DEVICES.map((devices) => ({
  name: `host.fanout.${devices}`,
  measure: ({ quick }) => measure(devices, quick),
}));
