import { hardwareIdr, UnsupportedSmmu } from '@steward/host';
import { unsupportedFeatures } from '@steward/smmu';
import type { Context, Decider } from '../aggregates';
import { accept, emit, reject } from '../decision';
import type { Decision } from '../decision';
import type { SmmuCommand } from './commands';
import { probed, words } from './probed';
import { evolve } from './state';

export const smmuDecider: Decider<'smmu'> = {
  kind: 'smmu',
  commands: { AddSmmu: true, ForceFeatures: true },
  decide: (command, context) =>
    command.type === 'AddSmmu' ? add(command, context) : force(command, context),
  evolve,
};

const ID_REGISTERS = 6;

type Of<T extends SmmuCommand['type']> = Extract<SmmuCommand, { type: T }>;

function add(command: Of<'AddSmmu'>, context: Context): Decision {
  const { smmu, host, idr, iidr, aidr, switches } = command;
  if (context.get('host', host) === undefined) {
    return reject('ENOENT', 'host.absent', `no host ${host}`);
  }
  if (context.get('smmu', smmu) !== undefined) {
    return reject('EEXIST', 'smmu.exists', `SMMU ${smmu} exists already`);
  }
  if (idr.length !== ID_REGISTERS) {
    return reject('EINVAL', 'smmu.idr', `${idr.length} ID registers, expected IDR0 to IDR5`);
  }
  const probe = probed(command);
  if (probe instanceof UnsupportedSmmu) {
    return reject(probe.errno, 'smmu.unsupported', probe.message);
  }
  const [absent] = unsupportedFeatures({
    idr: hardwareIdr({
      id: smmu,
      idr: words(idr),
      iidr: Number(iidr),
      aidr: Number(aidr),
      features: switches,
    }),
    iidr: Number(iidr),
    aidr: Number(aidr),
  });
  if (absent !== undefined) {
    const { field, value, why } = absent;
    return reject('EOPNOTSUPP', 'smmu.not-modelled', `SMMU ${smmu}: ${field}=${value}: ${why}`);
  }
  return accept(
    emit('smmu', smmu, { type: 'SmmuAdded', smmu, host, idr, iidr, aidr, switches }),
    emit('host', host, { type: 'HostSmmuListed', smmu }),
  );
}

/** Features that are in the tables and entries which already exist: changed only while there are none. */
const BUILT_IN = ['s2fwb', 'nesting', 'ssidBits'] as const;

/** Features that only hardware which has them can be told to use. */
const OF_HARDWARE = ['s2fwb', 'ats', 'rangeInvalidation', 'nesting', 'ssidBits'] as const;

function force({ smmu, switches }: Of<'ForceFeatures'>, context: Context): Decision {
  const state = context.get('smmu', smmu);
  if (state === undefined) return reject('ENOENT', 'smmu.absent', `no SMMU ${smmu}`);
  const forced = { ...state.identity.switches, ...switches };
  const probe = probed({ ...state.identity, switches: forced });
  if (probe instanceof UnsupportedSmmu) {
    return reject(probe.errno, 'smmu.unsupported', probe.message);
  }
  const hardware = probed({ ...state.identity, switches: {} });
  const lacking = OF_HARDWARE.find(
    (feature) =>
      !(hardware instanceof UnsupportedSmmu) &&
      Number(probe[feature]) > Math.max(Number(hardware[feature]), Number(state.probe[feature])),
  );
  if (lacking !== undefined) {
    return reject('EOPNOTSUPP', 'smmu.hardware', `SMMU ${smmu} has no ${lacking} to switch on`);
  }
  const built = BUILT_IN.find((feature) => probe[feature] !== state.probe[feature]);
  if (built !== undefined && state.streams.size > 0) {
    const why = `${built} of SMMU ${smmu} is in entries and tables of its ${state.streams.size} streams`;
    return reject('EBUSY', 'smmu.in-use', why);
  }
  const same = Object.entries(forced).every(
    ([name, value]) => state.identity.switches[name as keyof typeof forced] === value,
  );
  if (same) return accept();
  return accept(emit('smmu', smmu, { type: 'SmmuFeaturesForced', smmu, switches: forced }));
}
