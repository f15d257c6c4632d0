import { FUZZ } from '../fuzz/campaign';
import { LEDGER_CORRUPTION } from '../ledger-corruption/campaign';
import { LEDGER_MODEL } from '../ledger-model/campaign';
import { SECOND_READING } from '../second-reading/campaign';
import type { Campaign } from './campaign';
import { COHERENCE } from './host/coherence';
import { POLICIES } from './host/policies';
import { USED_BITS } from './host/used-bits';
import { SIMULATION } from './simulation/simulation';
import { LARGE_TRACE } from './interop/large-trace';
import { FORKS } from './replay/fork';
import { DURABILITY_CAMPAIGNS } from './ledger/durability';

/** Every campaign there is. */
export const CAMPAIGNS: readonly Campaign[] = [
  SECOND_READING,
  FUZZ,
  USED_BITS,
  COHERENCE,
  POLICIES,
  LEDGER_MODEL,
  LEDGER_CORRUPTION,
  ...DURABILITY_CAMPAIGNS,
  LARGE_TRACE,
  FORKS,
  ...SIMULATION,
];
