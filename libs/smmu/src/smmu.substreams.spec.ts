import { Machine, S1_PAGE, SUBSTREAM_IDR } from './__fixtures__/machine';
import { L1CD } from './formats/context-descriptor';
import { EVENTS, eventName } from './formats/event-records';
import type { Outcome } from './transaction';

function event(outcome: Outcome): string | undefined {
  if (outcome.kind !== 'abort' || outcome.event === undefined) return undefined;
  return eventName(outcome.event);
}

const VA = 0x1000;

/** A machine with one stage-1 context per SubstreamID given, each mapping VA to its own page. */
function withContexts(write: (machine: Machine, cd: (ssid: number) => bigint[]) => void): Machine {
  const machine = new Machine(SUBSTREAM_IDR);
  write(machine, (ssid) => {
    const table = machine.table();
    machine.map(table, VA, 0x5000_0000 + ssid * 4096, S1_PAGE);
    const scratch = machine.page();
    machine.writeCd(scratch, { TTB0: BigInt(table.root), ASID: BigInt(ssid + 1) });
    return [0, 8, 16, 24, 32, 40, 48, 56].map((offset) => machine.memory.read64(scratch + offset));
  });
  return machine;
}

function linear(dss: bigint): Machine {
  return withContexts((machine, cd) => {
    const base = machine.page(4);
    const aligned = base - (base % 4096);
    for (const ssid of [0, 1, 7]) machine.writeWords(aligned + ssid * 64, cd(ssid));
    machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(aligned), S1CDMax: 3n, S1DSS: dss });
  });
}

describe('a linear CD table', () => {
  it('gives each SubstreamID its own context', () => {
    const machine = linear(0n);
    for (const substreamId of [0, 1, 7]) {
      const outcome = machine.read(0, VA, { substreamId });
      expect(outcome).toMatchObject({ kind: 'ok', pa: 0x5000_1000 + (substreamId - 1) * 4096 });
    }
  });

  it('refuses a SubstreamID of 2^S1CDMax and above', () => {
    const outcome = linear(0n).read(0, VA, { substreamId: 8 });
    expect(event(outcome)).toBe('C_BAD_SUBSTREAMID');
    const words = outcome.kind === 'abort' ? (outcome.event ?? []) : [];
    expect(EVENTS.C_BAD_SUBSTREAMID.layout.get(words, 'SubstreamID')).toBe(8n);
  });

  it('terminates traffic without a SubstreamID when S1DSS is 0 or the reserved 3', () => {
    expect(event(linear(0n).read(0, VA))).toBe('F_STREAM_DISABLED');
    expect(event(linear(3n).read(0, VA))).toBe('F_STREAM_DISABLED');
  });

  it('passes traffic without a SubstreamID when S1DSS bypasses stage 1', () => {
    const machine = linear(1n);
    expect(machine.read(0, 0x5000_0000)).toMatchObject({ kind: 'ok', pa: 0x5000_0000 });
    expect(event(machine.read(0, 2n ** 44n))).toBe('F_ADDR_SIZE');
  });

  it('reserves CD 0 for traffic without a SubstreamID when S1DSS is 2', () => {
    const machine = linear(2n);
    expect(machine.read(0, VA)).toMatchObject({ kind: 'ok', pa: 0x5000_0000 });
    expect(event(machine.read(0, VA, { substreamId: 0 }))).toBe('F_STREAM_DISABLED');
    expect(machine.read(0, VA, { substreamId: 1 }).kind).toBe('ok');
  });

  it('forgets one CD alone when CMD_CFGI_CD names it', () => {
    const machine = linear(0n);
    machine.read(0, VA, { substreamId: 0 });
    machine.read(0, VA, { substreamId: 7 });
    expect(machine.smmu.cachedEntries().configuration).toBe(3);
    machine.command('CFGI_CD', { StreamID: 0n, SubstreamID: 7n, Leaf: 1n });
    expect(machine.smmu.cachedEntries().configuration).toBe(2);
    machine.command('CFGI_CD_ALL', { StreamID: 0n });
    expect(machine.smmu.cachedEntries().configuration).toBe(1);
  });
});

describe.each([
  { S1Fmt: 1n, leafBits: 6 },
  { S1Fmt: 2n, leafBits: 10 },
])('a two-level CD table with $leafBits leaf bits', ({ S1Fmt, leafBits }) => {
  const ssid = 3 * 2 ** leafBits + 5;

  function twoLevel(l1: { V: bigint; L2Ptr?: bigint }): { machine: Machine; l1cd: number } {
    let l1cd = 0;
    const machine = withContexts((m, cd) => {
      const pages = m.page(48);
      const leaf = pages + 65536 - (pages % 65536);
      const root = leaf + 65536;
      m.page(1);
      l1cd = root + 3 * 8;
      m.writeWords(leaf + 5 * 64, cd(5));
      m.writeWords(l1cd, L1CD.encode({ L2Ptr: BigInt(leaf), ...l1 }));
      m.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(root), S1CDMax: 12n, S1Fmt, S1DSS: 0n });
    });
    return { machine, l1cd };
  }

  it('locates a CD through its L1CD', () => {
    const { machine } = twoLevel({ V: 1n });
    expect(machine.read(0, VA, { substreamId: ssid })).toMatchObject({ pa: 0x5000_5000 });
    // STE, L1CD, CD.
    expect(machine.smmu.cachedEntries().configuration).toBe(3);
  });

  it('refuses an invalid L1CD, and keeps it until CMD_CFGI_CD with Leaf=0', () => {
    const { machine, l1cd } = twoLevel({ V: 0n });
    const access = (): Outcome => machine.read(0, VA, { substreamId: ssid });
    expect(event(access())).toBe('C_BAD_SUBSTREAMID');
    machine.memory.write64(l1cd, machine.memory.read64(l1cd) | 1n);
    machine.command('CFGI_CD', { StreamID: 0n, SubstreamID: BigInt(ssid), Leaf: 1n });
    expect(event(access())).toBe('C_BAD_SUBSTREAMID');
    machine.command('CFGI_CD', { StreamID: 0n, SubstreamID: BigInt(ssid), Leaf: 0n });
    expect(access().kind).toBe('ok');
  });

  it('refuses an L2Ptr beyond the output address size', () => {
    const { machine } = twoLevel({ V: 1n, L2Ptr: 2n ** 44n });
    expect(event(machine.read(0, VA, { substreamId: ssid }))).toBe('C_BAD_SUBSTREAMID');
  });
});

describe('a SubstreamID on a stream without substreams', () => {
  it('is refused by a single CD, by bypass and by stage 2 alone', () => {
    const machine = new Machine(SUBSTREAM_IDR);
    machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(machine.page()) });
    machine.writeSte(1, { Config: 4n });
    machine.writeSte(2, { Config: 6n, ...machine.stage2(machine.table(), 1n) });
    for (const streamId of [0, 1, 2]) {
      expect(event(machine.read(streamId, VA, { substreamId: 0 }))).toBe('C_BAD_SUBSTREAMID');
    }
  });
});
