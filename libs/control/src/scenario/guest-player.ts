import { encodeDma, fromHex, toHex } from '@steward/domain';
import type { Command, DmaAccess, GuestRegister, Hex, RamRange } from '@steward/domain';
import { playRecording } from '@steward/guest';
import type { ActivityOp, GuestAction, Recording } from '@steward/guest';
import { proxyDomain, virtualIdr } from '@steward/vmm';
import { passThrough } from './passthrough';
import type { PassthroughDevice } from './passthrough';

/** A guest of a scenario: its recording, and the objects that stand for it. */
export interface GuestPlan {
  readonly name: string;
  readonly host: string;
  readonly smmu: string;
  readonly hostIdr: readonly bigint[];
  readonly recording: Recording;
  readonly ram: readonly RamRange[];
  /** vSID → the physical StreamID behind it. */
  readonly streamIds: ReadonlyMap<number, number>;
  readonly canwbs: boolean;
  /** Host page that MSI doorbell IPAs are mapped to. */
  readonly doorbell: number;
  /** Its devices beside those of the recording. */
  readonly passthrough: readonly PassthroughDevice[];
  /** Steps before which the VMM takes its RAM out of stage 2 and puts it back. */
  readonly replug: readonly number[];
}

export const vsmmuOf = (guest: string): string => `${guest}.vsmmu`;
export const deviceOf = (guest: string, vsid: number): string =>
  `${guest}.${vsid.toString(16).padStart(4, '0')}`;

/** The devices of a guest, as the machine's operator plugs them in. */
export function* plugIn(guest: GuestPlan): Generator<Command> {
  const { name, smmu, canwbs, streamIds, passthrough } = guest;
  for (const [vsid, streamId] of streamIds) {
    const device = deviceOf(name, vsid);
    yield { type: 'AddDevice', device, smmu, streamIds: [streamId], canwbs, ats: false };
  }
  for (const { device, streamId, ats, atc, pasidBits } of passthrough) {
    const able = { ats, ...(atc && { atc }), ...(pasidBits !== undefined && { pasidBits }) };
    yield { type: 'AddDevice', device, smmu, streamIds: [streamId], canwbs, ...able };
  }
}

/** What the VMM does before its guest runs: from open to every device attached to the bypass proxy. */
export function* setUp(guest: GuestPlan): Generator<Command> {
  const { name, host } = guest;
  const [ioas, parent, vsmmu] = [`${name}.ioas`, `${name}.s2`, vsmmuOf(name)];
  const vsids = [...guest.streamIds.keys()];
  const devices = vsids.map((vsid) => deviceOf(name, vsid));
  const [device = ''] = devices;
  yield { type: 'CreateVm', vm: name, host, owner: 'operator', ram: guest.ram };
  yield { type: 'CreateIoas', ioas, vm: name };
  for (const id of devices) yield { type: 'BindDevice', device: id, vm: name };
  for (const { ipa: iova, size: length, pa } of guest.ram) {
    yield { type: 'MapIova', ioas, iova, length, pa, read: true, write: true };
  }
  yield { type: 'AllocateNestParent', parent, ioas, device };
  for (const ipa of doorbellPages(guest.recording)) {
    yield { type: 'MapSoftwareMsi', parent, ipa: toHex(ipa), pa: toHex(guest.doorbell) };
  }
  const idr = virtualIdr(guest.hostIdr).map((word) => toHex(word));
  yield { type: 'CreateVsmmu', vsmmu, parent, device, idr };
  for (const [kind, word] of Object.entries(PROXIES)) {
    const domain = proxyDomain(vsmmu, kind as keyof typeof PROXIES);
    yield { type: 'AllocateNestedDomain', domain, vsmmu, device, vste: [word, '0x0'] };
  }
  for (const vsid of vsids) {
    yield { type: 'AllocateVdevice', vsmmu, device: deviceOf(name, vsid), vsid };
  }
  // At reset SMMUEN=0 and GBPA.ABORT=0: every stream bypasses.
  const target = { kind: 'nested-domain', id: proxyDomain(vsmmu, 'bypass') } as const;
  for (const id of devices) yield { type: 'AttachDevice', device: id, target };
  yield* passThrough(guest);
}

/** Its VMM takes the guest's RAM out of stage 2, as for a memory hot-unplug, and puts it back. */
export function* replug({ name, ram }: GuestPlan): Generator<Command> {
  const ioas = `${name}.ioas`;
  for (const { ipa: iova, size: length } of ram) yield { type: 'UnmapIova', ioas, iova, length };
  for (const { ipa: iova, size: length, pa } of ram) {
    yield { type: 'MapIova', ioas, iova, length, pa, read: true, write: true };
  }
}

/** Word 0 of the proxies' vSTEs: V=1 with Config abort, V=1 with Config bypass. */
const PROXIES: { readonly abort: Hex; readonly bypass: Hex } = { abort: '0x1', bypass: '0x9' };

function doorbellPages(recording: Recording): number[] {
  const PAGE = 4096;
  return recording.doorbells.flatMap(({ base, size }) =>
    Array.from({ length: size / PAGE }, (_, i) => base + i * PAGE),
  );
}

/** A step of the recorded guest: a command, or a point where the recording shows the stream table. */
export type GuestStep =
  | { readonly kind: 'command'; readonly command: Command }
  | Extract<GuestAction, { kind: 'phase-end' }>;

/** The recorded guest's own commands, in its order. */
export function* play(guest: GuestPlan): Generator<GuestStep> {
  const { name, recording } = guest;
  const vsmmu = vsmmuOf(name);
  const devices = new Map([...guest.streamIds.keys()].map((vsid) => [vsid, deviceOf(name, vsid)]));
  for (const action of playRecording(recording, { devices })) {
    switch (action.kind) {
      case 'register': {
        const register = action.name as GuestRegister;
        const value = toHex(action.value);
        const command = { type: 'WriteGuestRegister', vsmmu, register, value } as const;
        yield { kind: 'command', command };
        break;
      }
      case 'commands': {
        const words = BigUint64Array.from(action.words.flat());
        yield { kind: 'command', command: { type: 'QueueGuestCommands', vsmmu, words } };
        break;
      }
      case 'activity':
        yield { kind: 'command', command: activity(name, action.ops, devices) };
        break;
      case 'phase-end':
        yield action;
    }
  }
}

function activity(
  vm: string,
  ops: readonly ActivityOp[],
  deviceOfVsid: ReadonlyMap<number, string>,
): Command {
  const devices = [...deviceOfVsid.values()];
  const segments: { op: 'write' | 'dma'; count: number }[] = [];
  const words: bigint[] = [];
  for (const op of ops) {
    const last = segments.at(-1);
    if (last?.op === op.op) last.count++;
    else segments.push({ op: op.op, count: 1 });
    if (op.op === 'write') words.push(BigInt(op.ipa), op.word);
    else words.push(...encodeDma([dmaAccess(op, devices)]));
  }
  return { type: 'GuestActs', vm, devices, segments, words: BigUint64Array.from(words) };
}

function dmaAccess(op: Extract<ActivityOp, { op: 'dma' }>, devices: readonly string[]): DmaAccess {
  const { iova, write, expect } = op;
  return { device: devices.indexOf(op.device), stream: 0, write, iova, expect };
}

/** IDR words of a scenario's SMMU as the domain takes them. */
export function idrHex(idr: readonly number[]): Hex[] {
  return idr.map((word) => toHex(word));
}

/** IDR words as bigint. */
export function idrWords(idr: readonly number[]): bigint[] {
  return idrHex(idr).map(fromHex);
}
