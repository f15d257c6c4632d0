import type { Context } from '../aggregates';
import { emit, streamOf } from '../decision';
import type { Emitted, Rejection } from '../decision';
import { promised } from '../ioas/iova-ranges';
import { mappedInSoftwareMsiWindow, SOFTWARE_MSI_WINDOW } from '../ioas/state';
import { faultsDropped } from '../fault-queue/users';
import { release } from '../s1-domain/decide';
import type { AttachTarget } from './events';

/** iommufd_device_attach_reserved_iova(): the device's software-MSI window must be free in the IOAS. */
export function windowProblem(ioas: string, context: Context): Rejection | undefined {
  const space = context.get('ioas', ioas);
  if (space === undefined) return undefined;
  const { base, size } = SOFTWARE_MSI_WINDOW;
  const window = { first: BigInt(base), last: BigInt(base + size - 1) };
  if (!mappedInSoftwareMsiWindow(space) && !promised(space, window)) return undefined;
  const reason = `${ioas} maps the software-MSI window, or has promised it`;
  return { errno: 'EADDRINUSE', code: 'ioas.reserved', reason };
}

/** The window moves with the device from the IOAS it leaves to the one it joins. */
export function windowEvents(
  device: string,
  from: AttachTarget | undefined,
  to: string | undefined,
  context: Context,
): Emitted[] {
  const old = from && ioasOf(from, context);
  const reserved = (ioas: string): boolean =>
    context.get('ioas', ioas)?.reserved.has(device) === true;
  const events: Emitted[] = [];
  if (to !== undefined && !reserved(to)) {
    events.push(emit('ioas', to, { type: 'IoasWindowReserved', device }));
  }
  if (old !== undefined && old !== to && reserved(old)) {
    events.push(emit('ioas', old, { type: 'IoasWindowReleased', device }));
  }
  return events;
}

/** The target counts the device among its users. */
export function joined(target: AttachTarget, device: string): Emitted[] {
  const user = streamOf('device', device);
  switch (target.kind) {
    case 'nested-domain':
      return [emit('nested-domain', target.id, { type: 'NestedDomainJoined', device })];
    case 's1-domain':
      return [emit('s1-domain', target.id, { type: 'S1DomainJoined', device })];
    case 's2-parent':
      return [emit('s2-parent', target.id, { type: 'NestParentJoined', user })];
  }
}

/** The target no longer does; an automatic domain goes with its last device. */
export function left(
  target: AttachTarget | undefined,
  device: string,
  context: Context,
): Emitted[] {
  if (target === undefined) return [];
  return [
    ...faultsDropped({ device, attachment: 0 }, target, context),
    ...leftTarget(target, device, context),
  ];
}

function leftTarget(target: AttachTarget, device: string, context: Context): Emitted[] {
  const user = streamOf('device', device);
  switch (target.kind) {
    case 'nested-domain':
      return [emit('nested-domain', target.id, { type: 'NestedDomainLeft', device })];
    case 's2-parent': {
      // Logs of before parents were freed do not say that it joined.
      if (context.get('s2-parent', target.id)?.users.has(user) !== true) return [];
      return [emit('s2-parent', target.id, { type: 'NestParentLeft', user })];
    }
    case 's1-domain': {
      const state = context.get('s1-domain', target.id);
      const gone = emit('s1-domain', target.id, { type: 'S1DomainLeft', device });
      if (state === undefined || !state.automatic || state.attached.size > 1) return [gone];
      return [gone, ...release(target.id, state, context)];
    }
  }
}

function ioasOf(target: AttachTarget, context: Context): string | undefined {
  switch (target.kind) {
    case 's1-domain':
      return context.get('s1-domain', target.id)?.ioas;
    case 's2-parent':
      return context.get('s2-parent', target.id)?.ioas;
    case 'nested-domain': {
      const parent = context.get('nested-domain', target.id)?.parent;
      return parent === undefined ? undefined : context.get('s2-parent', parent)?.ioas;
    }
  }
}
