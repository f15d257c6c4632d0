import type { Context, Decider } from '../aggregates';
import { accept, emit, reject, streamOf } from '../decision';
import type { Decision, Emitted, Rejection } from '../decision';
import { joinedQueue, leftQueue, queueProblem } from '../fault-queue/users';
import { lowestFree } from '../id-space';
import { mappedBeyond } from '../ioas/state';
import type { S1DomainCommand } from './commands';
import { evolve } from './state';
import type { S1DomainState } from './state';

export const s1DomainDecider: Decider<'s1-domain'> = {
  kind: 's1-domain',
  commands: { AllocateS1Domain: true, FreeS1Domain: true },
  decide: (command, context) =>
    command.type === 'AllocateS1Domain' ? allocate(command, context) : free(command, context),
  evolve,
};

/** VA bits of the driver's own stage 1, the lower half of 48 (arm_smmu_domain_finalise). */
const INPUT_SIZE = 48;

function allocate(
  command: Extract<S1DomainCommand, { type: 'AllocateS1Domain' }>,
  context: Context,
): Decision {
  const { domain, ioas, device, faultQueue, pasid = false } = command;
  if (context.get('s1-domain', domain) !== undefined) {
    return reject('EEXIST', 's1-domain.exists', `stage-1 domain ${domain} exists already`);
  }
  const made = allocation({ domain, ioas, device, automatic: false, faultQueue, pasid }, context);
  if (!made.ok) return made;
  const problem = queueProblem(faultQueue, context);
  return problem === undefined
    ? accept(...made.events, ...joinedQueue(faultQueue, streamOf('s1-domain', domain)))
    : { ok: false, ...problem };
}

/** The events that make a stage-1 domain over an IOAS for a device's SMMU (Linux arm_smmu_domain_alloc_paging_flags). */
export function allocation(
  wanted: {
    readonly domain: string;
    readonly ioas: string;
    readonly device: string;
    readonly automatic: boolean;
    readonly faultQueue?: string | undefined;
    readonly pasid?: boolean;
  },
  context: Context,
):
  | { readonly ok: true; readonly events: readonly Emitted[] }
  | ({ readonly ok: false } & Rejection) {
  const { domain, ioas, device, automatic, faultQueue, pasid = false } = wanted;
  const no = (errno: Rejection['errno'], code: string, reason: string) =>
    ({ ok: false, errno, code, reason }) as const;
  const master = context.get('device', device);
  if (master?.vm === undefined) return no('ENOENT', 'device.absent', `no bound device ${device}`);
  const space = context.get('ioas', ioas);
  if (space === undefined || space.freed || space.vm !== master.vm) {
    return no('ENOENT', 'ioas.absent', `no IOAS ${ioas} of ${master.vm}`);
  }
  const { smmu, host } = master;
  const probe = context.get('smmu', smmu)?.probe;
  if (!probe?.stage1) {
    return no(
      'EOPNOTSUPP',
      'smmu.not-modelled',
      `${smmu} has no stage 1: domains on stage 2 alone`,
    );
  }
  const asid = lowestFree(context.get('host', host)?.asids ?? [], 1, 2 ** probe.asidBits - 1);
  if (asid === undefined) return no('ENOSPC', 'host.asids', `host ${host} has no free ASID`);
  if (mappedBeyond(space, INPUT_SIZE)) {
    return no('EADDRINUSE', 'ioas.aperture', `${ioas} maps what ${domain} cannot translate`);
  }
  const stream = streamOf('s1-domain', domain);
  const { vm } = space;
  const queue = faultQueue === undefined ? {} : { faultQueue };
  const made = { domain, vm, ioas, smmu, asid, automatic, ...queue, ...(pasid && { pasid }) };
  return {
    ok: true,
    events: [
      emit('s1-domain', domain, { type: 'S1DomainAllocated', ...made }),
      emit('host', host, { type: 'HostAsidAllocated', asid, owner: stream }),
      emit('ioas', ioas, { type: 'IoasTableAdded', table: stream, inputSize: INPUT_SIZE }),
    ],
  };
}

function free(
  { domain }: Extract<S1DomainCommand, { type: 'FreeS1Domain' }>,
  context: Context,
): Decision {
  const state = context.get('s1-domain', domain);
  if (state === undefined || state.freed) {
    return reject('ENOENT', 's1-domain.absent', `no stage-1 domain ${domain}`);
  }
  if (state.attached.size > 0) {
    const users = [...state.attached].join(', ');
    return reject('EBUSY', 's1-domain.attached', `${domain} is attached to ${users}`);
  }
  return accept(...release(domain, state, context));
}

/** The events that free a stage-1 domain nobody uses. */
export function release(domain: string, state: S1DomainState, context: Context): Emitted[] {
  const { ioas, smmu, asid, faultQueue } = state;
  const stream = streamOf('s1-domain', domain);
  const host = context.get('smmu', smmu)?.host ?? '';
  return [
    emit('s1-domain', domain, { type: 'S1DomainFreed', domain }),
    emit('host', host, { type: 'HostAsidReleased', asid }),
    emit('ioas', ioas, { type: 'IoasTableRemoved', table: stream }),
    ...leftQueue(faultQueue, stream),
  ];
}
