import type { Campaign, CampaignReport } from '../campaign/campaign';
import { FuzzedMachine } from './input';

/** Inputs that one machine gets before the next seed makes another. */
const PER_MACHINE = 50;
const SHOWN = 10;

export interface FuzzFailure {
  readonly seed: number;
  readonly input: number;
  readonly error: string;
}

/** Throws `inputs` inputs at machines of the seeds from `seed` on. */
export function fuzz(
  seed: number,
  inputs: number,
  progress: (done: number, total: number) => void = () => undefined,
): CampaignReport & { failures: FuzzFailure[]; reached: Record<string, number> } {
  const reached = new Map<string, number>();
  const failures: FuzzFailure[] = [];
  for (let done = 0, machineSeed = seed; done < inputs; machineSeed++) {
    const machine = new FuzzedMachine(machineSeed);
    for (let n = 0; n < PER_MACHINE && done < inputs; n++, done++) {
      try {
        machine.input();
      } catch (error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        failures.push({ seed: machineSeed, input: n, error: text });
        done += PER_MACHINE - n;
        break;
      }
    }
    for (const [key, count] of machine.reached) reached.set(key, (reached.get(key) ?? 0) + count);
    if (machineSeed % 64 === 0) progress(done, inputs);
  }
  progress(inputs, inputs);
  return {
    ok: failures.length === 0,
    seed,
    inputs,
    failed: failures.length,
    failures: failures.slice(0, SHOWN),
    reached: Object.fromEntries([...reached].sort(([a], [b]) => a.localeCompare(b))),
  };
}

/** A failure repeats with `--seed ITS-SEED --cases 50`. */
export const FUZZ: Campaign = {
  name: 'smmu.fuzz',
  about: 'random structures, tables, commands and registers: no exception, no hang, defined faults',
  run: (progress, { seed = 1, cases = 1_000_000 }) => fuzz(seed, cases, progress),
};
