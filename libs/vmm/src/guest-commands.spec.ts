import type { Command } from '@steward/domain';
import { encodeCommand, eventName } from '@steward/smmu';
import type { CommandWords } from '@steward/smmu';
import { brief, BYPASS, guestView, name, run, S1, streamTable } from './__fixtures__/guest-view';
import { reactToGuestCommands } from './guest-commands';
import type { VsmmuView } from './view';

const tlbi = encodeCommand('TLBI_NH_ALL', {});
const asid = encodeCommand('TLBI_NH_ASID', { ASID: 5n });
const sync = encodeCommand('SYNC', {});
const ste = (vsid: number) => encodeCommand('CFGI_STE', { StreamID: BigInt(vsid), Leaf: 1n });
const range = (vsid: number, n: number) =>
  encodeCommand('CFGI_STE_RANGE', { StreamID: BigInt(vsid), Range: BigInt(n) });
const cd = (vsid: number) => encodeCommand('CFGI_CD', { StreamID: BigInt(vsid) });
const illegal = encodeCommand('TLBI_S12_VMALL', {});

function react(
  commands: readonly CommandWords[],
  view: VsmmuView = guestView({ ram: streamTable({ 8: S1 }) }),
  refuses?: (command: Command) => boolean,
  cons = 0,
): Command[] {
  const words = BigUint64Array.from(commands.flatMap((c) => [...c]));
  return run(reactToGuestCommands(view, { words, cons, span: 16 }, name), refuses);
}

const refuseAllocations = (c: Command) => c.type === 'AllocateNestedDomain';

describe('the order of a reaction', () => {
  it('forwards what precedes a CFGI_STE before it restages, and completes last', () => {
    expect(brief(react([tlbi, asid, ste(8), tlbi, sync]))).toEqual([
      'forward 2',
      'allocate n0 0xb 0x0',
      'attach d8 n0',
      'forward 1',
      'complete 5',
    ]);
  });

  it('never lets a batch span a CFGI_STE or a SYNC', () => {
    expect(brief(react([tlbi, sync, tlbi, ste(9), tlbi]))).toEqual([
      'forward 1',
      'forward 1',
      'forward 1',
      'complete 5',
    ]);
  });

  it('passes invalidations on word for word', () => {
    expect(react([asid, cd(8)])[0]).toMatchObject({ words: BigUint64Array.of(...asid, ...cd(8)) });
  });

  it('lets PREFETCH commands pass without effect or flush', () => {
    const prefetch = encodeCommand('PREFETCH_CONFIG', { StreamID: 8n });
    expect(brief(react([tlbi, prefetch, tlbi]))).toEqual(['forward 2', 'complete 3']);
  });

  it('drops commands for a vSID without vDEVICE', () => {
    expect(brief(react([cd(9), ste(9), tlbi]))).toEqual(['forward 1', 'complete 3']);
  });

  it('wraps CMDQ_CONS at twice the queue', () => {
    expect(brief(react([sync, sync, sync], undefined, undefined, 14))).toEqual(['complete 1']);
  });
});

describe('a restaged stream', () => {
  it('frees the domain that it replaces, but never a proxy', () => {
    const ram = streamTable({ 8: S1 });
    const on = (domain: string) => guestView({ ram, attached: new Map([['d8', domain]]) });
    expect(brief(react([ste(8)], on('old')))).toEqual([
      'allocate n0 0xb 0x0',
      'attach d8 n0',
      'free old',
      'complete 1',
    ]);
    expect(brief(react([ste(8)], on('vs.abort')))).not.toContain('free vs.abort');
  });

  it('replaces its own domain when the reaction names the vSTE twice', () => {
    expect(brief(react([ste(8), ste(8)]))).toEqual([
      'allocate n0 0xb 0x0',
      'attach d8 n0',
      'allocate n1 0xb 0x0',
      'attach d8 n1',
      'free n0',
      'complete 2',
    ]);
  });

  it('goes to the proxies for bypass and abort, once', () => {
    const bypass = guestView({ ram: streamTable({ 8: BYPASS }) });
    expect(brief(react([ste(8), ste(8)], bypass))).toEqual(['attach d8 vs.bypass', 'complete 2']);
    expect(brief(react([ste(8)], guestView()))).toEqual(['attach d8 vs.abort', 'complete 1']);
  });

  it('aborts when the kernel refuses its vSTE; the guest reads C_BAD_STE and its queue goes on', () => {
    const commands = react([ste(8), tlbi], undefined, refuseAllocations);
    expect(brief(commands)).toEqual([
      'allocate n0 0xb 0x0',
      'attach d8 vs.abort',
      'RecordGuestEvent',
      'forward 1',
      'complete 2',
    ]);
    const record = commands[2] as Extract<Command, { type: 'RecordGuestEvent' }>;
    expect(eventName([...record.words])).toBe('C_BAD_STE');
    expect(record.words[0]! >> 32n).toBe(8n);
  });

  it('loses that record while the guest has its event queue off', () => {
    const ram = streamTable({ 8: S1 });
    const view = guestView({ ram, registers: { CR0: 1n } });
    const commands = brief(react([ste(8)], view, refuseAllocations));
    expect(commands).toEqual(['allocate n0 0xb 0x0', 'attach d8 vs.abort', 'complete 1']);
  });
});

describe('CFGI_STE_RANGE', () => {
  const vdevices = new Map([0, 3, 4, 7, 8, 63].reverse().map((vsid) => [vsid, `d${vsid}`]));
  const attachedBy = (command: CommandWords) =>
    brief(react([command], guestView({ vdevices })))
      .filter((line) => line.startsWith('attach'))
      .map((line) => Number(/d(\d+)/.exec(line)?.[1]));

  it.each([
    [4, 0, [4]],
    [5, 0, [4]],
    [3, 1, [0, 3]],
    [6, 1, [4, 7]],
    [5, 2, [0, 3, 4, 7]],
    [8, 3, [0, 3, 4, 7, 8]],
    [40, 4, [63]],
    [63, 31, [0, 3, 4, 7, 8, 63]],
  ])('of StreamID %i and Range %i restages %j, ascending', (vsid, n, expected) => {
    expect(attachedBy(range(vsid, n))).toEqual(expected);
  });
});

describe('a queue that stops', () => {
  it.each([
    ['a stage-2 command', illegal],
    ['an unknown opcode', [0xffn, 0n] as const],
  ])('does so at %s, with everything before it issued and nothing after', (_name, command) => {
    expect(brief(react([tlbi, command, tlbi, ste(8)]))).toEqual([
      'forward 1',
      'complete 1 CERROR_ILL',
    ]);
  });

  it('does so at the command the kernel refuses; those before it take effect', () => {
    const isAsid = (c: Command) =>
      c.type === 'ForwardInvalidations' && [...c.words].includes(asid[0]);
    expect(brief(react([tlbi, asid, tlbi], undefined, isAsid))).toEqual([
      'forward 3',
      'forward 1',
      'forward 1',
      'complete 1 CERROR_ILL',
    ]);
    expect(brief(react([sync, asid], undefined, isAsid))).toEqual([
      'forward 1',
      'complete 1 CERROR_ILL',
    ]);
  });
});
