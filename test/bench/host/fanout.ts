import type { Measured, Measurement } from '../measurement';
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
    const started = performance.now();
    host.unmap();
    const micros = (performance.now() - started) * 1000;
    host.map();
    if (round >= 0) times.push(micros);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(share * (times.length - 1))]!;
  return {
    name: `host.fanout.${devices}`,
    value: at(0.5),
    unit: 'us',
    better: 'lower',
    n: rounds,
    p50: at(0.5),
    p99: at(0.99),
    note: `${(at(0.5) / devices).toFixed(3)} us per device; all have ATS`,
  };
}

export const HOST_FANOUT: readonly Measurement[] = DEVICES.map((devices) => ({
  name: `host.fanout.${devices}`,
  measure: ({ quick }) => measure(devices, quick),
}));
