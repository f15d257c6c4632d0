import type { Context, Decider } from '../aggregates';
import { accept, emit, reject } from '../decision';
import type { Decision, Emitted } from '../decision';
import { addressOf, tooWide } from '../hex';
import { contains, overlaps } from '../host/state';
import { PAGE_SIZE } from '../page';
import type { VmCommand } from './commands';
import { decodeDma, DMA_WORDS } from './dma-batch';
import { evolve } from './state';
import type { VmState } from './state';

export const vmDecider: Decider<'vm'> = {
  kind: 'vm',
  commands: { CreateVm: true, GuestActs: true },
  decide: (command, context) =>
    command.type === 'CreateVm' ? create(command, context) : act(command, context),
  evolve,
};

const STORE_WORDS = 2;

function create(command: Extract<VmCommand, { type: 'CreateVm' }>, context: Context): Decision {
  const { vm, host, owner, ram } = command;
  const machine = context.get('host', host);
  if (machine === undefined) return reject('ENOENT', 'host.absent', `no host ${host}`);
  if (context.get('vm', vm) !== undefined) {
    return reject('EEXIST', 'vm.exists', `VM ${vm} exists already`);
  }
  const wide = tooWide(...ram.flatMap((r) => [r.ipa, r.size, r.pa]));
  if (wide !== undefined) return reject('EINVAL', 'vm.ram', `${vm}: ${wide} is too wide`);
  const ipas = ram.map((r) => ({ base: addressOf(r.ipa), size: addressOf(r.size) }));
  const pas = ram.map((r) => ({ base: addressOf(r.pa), size: addressOf(r.size) }));
  const odd = [...ipas, ...pas].some(
    (r) => r.size === 0 || r.base % PAGE_SIZE || r.size % PAGE_SIZE,
  );
  if (odd) return reject('EINVAL', 'vm.ram', `${vm}: RAM must be whole 4 KiB pages`);
  const twice = (ranges: typeof ipas): boolean =>
    ranges.some((a, i) => ranges.some((b, j) => j > i && overlaps(a, b)));
  if (twice(ipas) || twice(pas)) return reject('EINVAL', 'vm.ram', `${vm}: RAM ranges overlap`);
  const backing = machine.memory.filter((r) => r.use === 'guest-ram');
  if (!pas.every((r) => backing.some((m) => contains(m, r)))) {
    return reject('EFAULT', 'vm.ram', `${vm}: RAM lies outside the guest RAM of ${host}`);
  }
  const taken = machine.assigned.find((a) => pas.some((r) => overlaps(a, r)));
  if (taken) return reject('EBUSY', 'vm.ram-taken', `${vm}: RAM is in use by ${taken.vm}`);
  const ranges = ram.map(({ pa, size }) => ({ pa, size }));
  return accept(
    emit('vm', vm, { type: 'VmCreated', vm, host, owner, ram }),
    emit('host', host, { type: 'HostRamAssigned', vm, ranges }),
  );
}

function act(command: Extract<VmCommand, { type: 'GuestActs' }>, context: Context): Decision {
  const { vm, devices, segments, words } = command;
  const state = context.get('vm', vm);
  if (state === undefined) return reject('ENOENT', 'vm.absent', `no VM ${vm}`);
  const foreign = devices.find((d) => context.get('device', d)?.vm !== vm);
  if (foreign !== undefined) {
    return reject('ENODEV', 'device.foreign', `device ${foreign} is not bound to ${vm}`);
  }
  /** Number of StreamIDs of each device of the batch. */
  const streams = devices.map((d) => context.get('device', d)?.streamIds.length ?? 0);
  const events: Emitted[] = [];
  let at = 0;
  for (const { op, count } of segments) {
    const length = count * (op === 'write' ? STORE_WORDS : DMA_WORDS);
    const part = words.slice(at, at + length);
    if (part.length !== length) {
      return reject('EINVAL', 'vm.activity', `${vm}: fewer words than the segments announce`);
    }
    at += length;
    if (op === 'dma') {
      const stray = decodeDma(part).find((a) => a.stream >= (streams[a.device] ?? 0));
      if (stray !== undefined) {
        const what = `device ${stray.device}, StreamID ${stray.stream}`;
        return reject('EINVAL', 'vm.activity', `${vm}: the batch has no ${what}`);
      }
      events.push(emit('vm', vm, { type: 'DmaPerformed', vm, devices, count, words: part }));
      continue;
    }
    const bad = everyNth(part, STORE_WORDS).find((ipa) => !isRamWord(state, ipa));
    if (bad !== undefined) {
      return reject('EFAULT', 'vm.store', `${vm}: 0x${bad.toString(16)} is no RAM word`);
    }
    events.push(emit('vm', vm, { type: 'GuestMemoryWritten', vm, count, words: part }));
  }
  if (at !== words.length) {
    return reject('EINVAL', 'vm.activity', `${vm}: more words than the segments announce`);
  }
  return accept(...events);
}

function everyNth(words: BigUint64Array, n: number): bigint[] {
  return Array.from(words).filter((_, i) => i % n === 0);
}

function isRamWord(vm: VmState, ipa: bigint): boolean {
  const base = Number(ipa);
  return ipa % 8n === 0n && vm.ram.some((r) => contains(r, { base, size: 8 }));
}
