import { REGISTERS } from '../formats/registers';
import type { SmmuConfiguration } from './features';

/** One feature that the identification registers offer and the model does not have. */
export interface UnsupportedFeature {
  /** `IDRn.FIELD`. */
  readonly field: string;
  readonly value: bigint;
  readonly why: string;
}

/** Fields with the largest (or only) values that the model serves. */
const SERVED: readonly [0 | 1 | 3 | 5, string, readonly bigint[], string][] = [
  [0, 'TTF', [2n], 'only VMSAv8-64 tables are modelled'],
  [
    0,
    'HTTU',
    [0n, 1n, 2n],
    'hardware update of the Access flag of Table descriptors is not modelled',
  ],
  [0, 'STALL_MODEL', [0n, 1n, 2n], 'the encoding is reserved'],
  [0, 'VMW', [0n], 'VMID wildcards are not modelled'],
  [0, 'RME_IMPL', [0n], 'the Realm interface is not modelled'],
  [1, 'QUEUES_PRESET', [0n], 'preset queues are not modelled'],
  [1, 'TABLES_PRESET', [0n], 'preset tables are not modelled'],
  [1, 'ECMDQ', [0n], 'enhanced command queues are not modelled'],
  [3, 'MPAM', [0n], 'memory partitioning is not modelled'],
  [3, 'DPT', [0n], 'device permission tables are not modelled'],
  [3, 'S1PI', [0n], 'permission indirection is not modelled'],
  [3, 'S2PI', [0n], 'permission indirection is not modelled'],
  [3, 'S2PO', [0n], 'permission overlays are not modelled'],
  [3, 'THE', [0n], 'translation hardening is not modelled'],
  [3, 'MTEPERM', [0n], 'the NoTagAccess encodings of stage 2 are not modelled'],
  [3, 'AIE', [0n], 'the attribute index extension is not modelled'],
  [5, 'OAS', [0n, 1n, 2n, 3n, 4n, 5n, 6n], 'physical addresses have at most 52 bits'],
  [5, 'DS', [0n], '52-bit addresses with 4K and 16K granules are not modelled'],
  [5, 'D128', [0n], '128-bit descriptors are not modelled'],
];

/**
 * What an SMMU with these identification registers would need that the model does not have; empty
 * if it can be built.
 */
export function unsupportedFeatures(configuration: SmmuConfiguration): UnsupportedFeature[] {
  const found: UnsupportedFeature[] = [];
  for (const [n, name, served, why] of SERVED) {
    const register = REGISTERS[`IDR${n}`];
    const value = register.layout.get([BigInt(configuration.idr[n] >>> 0)], name);
    if (!served.includes(value)) found.push({ field: `IDR${n}.${name}`, value, why });
  }
  return found;
}

/**
 * Thrown when an SMMU is built whose identification registers offer what the model does not have.
 */
export class UnsupportedFeatureError extends Error {
  constructor(readonly features: readonly UnsupportedFeature[]) {
    super(features.map((f) => `${f.field} = ${f.value}: ${f.why}`).join('; '));
    this.name = 'UnsupportedFeatureError';
  }
}
