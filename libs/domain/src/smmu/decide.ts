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
  commands: { AddSmmu: true },
  decide,
  evolve,
};

const ID_REGISTERS = 6;

function decide(command: SmmuCommand, context: Context): Decision {
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
