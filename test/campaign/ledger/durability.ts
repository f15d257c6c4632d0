import type { Campaign, CampaignReport } from '../campaign';
import {
  checkIoErrors,
  checkKills,
  checkPowerLoss,
  type DurabilityReport,
} from '../../durability/checks';

const SEED = 1;
/** Enough for the WAL to be folded again and again beside the writer. */
const FOLDED = { commits: 200, foldBytes: 64 * 1024 };

/** The durability checks in full; `test/durability` runs them at a size that fits `npm test`. */
export const DURABILITY_CAMPAIGNS: readonly Campaign[] = [
  {
    name: 'ledger.kill',
    about: 'kill -9 at 5,000 points of the append path: nothing acknowledged is lost',
    run: async (progress) => report(await checkKills({ commits: 40, points: 5000 }, progress)),
  },
  {
    name: 'ledger.power-loss',
    about: '50,000 disk states after loss of power: nothing acknowledged is lost',
    run: async (progress) => {
      const options = { commits: 40, states: 50_000, seed: SEED };
      return { seed: SEED, ...report(await checkPowerLoss(options, progress)) };
    },
  },
  {
    name: 'ledger.io-errors',
    about: 'EIO, ENOSPC and short writes at every call: refusals, no losses',
    run: async (progress) => report(await checkIoErrors({ commits: 12, step: 1 }, progress)),
  },
  {
    name: 'ledger.folding.kill',
    about: 'kill -9 at 1,000 points of a run whose WAL is folded beside the writer',
    run: async (progress) => report(await checkKills({ ...FOLDED, points: 1000 }, progress)),
  },
  {
    name: 'ledger.folding.power-loss',
    about: '10,000 disk states after loss of power in such a run',
    run: async (progress) => {
      const options = { ...FOLDED, states: 10_000, seed: SEED };
      return { seed: SEED, ...report(await checkPowerLoss(options, progress)) };
    },
  },
  {
    name: 'ledger.folding.io-errors',
    about: 'EIO, ENOSPC and short writes at every fifth call of such a run',
    run: async (progress) => report(await checkIoErrors({ ...FOLDED, step: 5 }, progress)),
  },
];

function report({ points, faults }: DurabilityReport): CampaignReport {
  return { ok: faults.length === 0, points, faults };
}
