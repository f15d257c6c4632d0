import { HOST_POLICIES, type AttachRequest, type ForcedFeatures } from '@steward/host';
import fc from 'fast-check';
import type { Campaign, CampaignReport } from '../campaign';
import { AREAS, CoherentHost, DEVICES, DOMAINS, PASIDS, VSTES } from './coherent-host';

const SEED = 6_2024;
const CASES = 400;
const STEPS = 60;

/** What an SMMU may have that changes what the driver issues. */
const FEATURES: Readonly<Record<string, ForcedFeatures>> = {
  plain: { ssidBits: 4 },
  ats: { ats: true, ssidBits: 4 },
  'ats, no range invalidation': { ats: true, rangeInvalidation: false },
  s2fwb: { s2fwb: true },
};

const parent = fc.constantFrom('p0', 'p1');
const request: fc.Arbitrary<AttachRequest> = fc.oneof(
  { arbitrary: fc.constant({ kind: 'blocked' } as const), weight: 1 },
  { arbitrary: fc.constant({ kind: 'dma' } as const), weight: 1 },
  { arbitrary: fc.constant({ kind: 'stage1', domain: 's1' } as const), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('parent' as const), parent }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant('nested' as const),
      parent,
      vste: fc.constantFrom(...VSTES),
      vsid: fc.constant(1),
    }),
    weight: 5,
  },
);

type Operation = (host: CoherentHost) => void;
const attach: fc.Arbitrary<Operation> = fc.tuple(fc.constantFrom(...DEVICES), request).map(
  ([device, to]) =>
    (host) =>
      host.attach(device, to),
);
const toggle: fc.Arbitrary<Operation> = fc
  .tuple(fc.constantFrom(...DOMAINS), fc.nat({ max: AREAS.length - 1 }), fc.nat({ max: 2 }))
  .map(
    ([domain, area, place]) =>
      (host) =>
        host.toggle(domain, area, place),
  );
const recreate: fc.Arbitrary<Operation> = fc
  .constantFrom(...DOMAINS)
  .map((domain) => (host) => host.recreate(domain));
const togglePasid: fc.Arbitrary<Operation> = fc
  .tuple(fc.constantFrom(...DEVICES), fc.constantFrom(...PASIDS), fc.boolean())
  .map(
    ([device, pasid, attached]) =>
      (host) =>
        host.togglePasid(device, pasid, attached),
  );
const operation = fc.oneof(
  { arbitrary: attach, weight: 4 },
  { arbitrary: togglePasid, weight: 3 },
  { arbitrary: toggle, weight: 6 },
  { arbitrary: recreate, weight: 1 },
);

/** Random sequences of attach, replace, map, unmap and destroy, each checked after every step. */
export function coherence(
  cases: number,
  seed = SEED,
  progress: (done: number, total: number) => void = () => undefined,
): CampaignReport {
  const failures: string[] = [];
  const settings = HOST_POLICIES.flatMap((policy) =>
    Object.entries(FEATURES).map(([name, features]) => ({ policy, name, features })),
  );
  let steps = 0;
  for (const [i, { policy, name, features }] of settings.entries()) {
    const property = fc.property(
      fc.array(operation, { minLength: 10, maxLength: STEPS }),
      (operations) => {
        const host = new CoherentHost(policy, features);
        for (const domain of DOMAINS) AREAS.forEach((_, area) => host.toggle(domain, area, 0));
        for (const [n, operate] of operations.entries()) {
          operate(host);
          steps += 1;
          const [first] = host.disagreements();
          if (first !== undefined) throw new Error(`after step ${n}: ${first}`);
        }
      },
    );
    const run = fc.check(property, { numRuns: Math.ceil(cases / settings.length), seed });
    if (run.failed) failures.push(`${policy}, ${name}: ${String(run.errorInstance)}`);
    progress(i + 1, settings.length);
  }
  return { ok: failures.length === 0, seed, cases, steps, failures };
}

export const COHERENCE: Campaign = {
  name: 'host.coherence',
  about: 'once the driver’s last CMD_SYNC is done, no cached entry disagrees with the tables',
  run: (progress, { seed, cases }) => coherence(cases ?? CASES, seed, progress),
};
