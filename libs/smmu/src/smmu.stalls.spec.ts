import { Machine, nestedMachine, NESTED_IDR, S1_PAGE, STALL_IDR } from './__fixtures__/machine';
import { EVENTS, eventName } from './formats/event-records';
import type { SmmuObserver } from './observer';
import type { Outcome } from './transaction';

type Ended = Parameters<NonNullable<SmmuObserver['stallEnded']>>[0];

const ABORT_ONLY_IDR = [STALL_IDR[0] | (1 << 26), STALL_IDR[1], 0, 0x1414, 0, 0x74] as const;
const STALL_ONLY_IDR = [STALL_IDR[0] | (2 << 24), STALL_IDR[1], 0, 0x1414, 0, 0x74] as const;

/** A nested stream whose faults stall at the stages given, and what its stalls ended in. */
function stalling(
  options: {
    s1?: boolean;
    s2?: boolean;
    idr?: ConstructorParameters<typeof Machine>[0];
    eventqLog2?: number;
  } = {},
) {
  const { s1 = true, s2 = false, idr = STALL_IDR, eventqLog2 = 6 } = options;
  const ended: Ended[] = [];
  const queued: boolean[] = [];
  const nested = nestedMachine({
    idr,
    eventqLog2,
    cdFields: { S: s1 ? 1n : 0n },
    steFields: { S2S: s2 ? 1n : 0n },
    observer: {
      stallEnded: (e) => ended.push(e),
      eventRecorded: (_record, written) => queued.push(written),
    },
  });
  return { ...nested, ended, queued, hole: nested.va + 4096 };
}

function stag(outcome: Outcome): number {
  if (outcome.kind !== 'stalled') throw new Error(`${outcome.kind} is not a stall`);
  return outcome.stag;
}

const kinds = (ended: readonly Ended[]): string[] => ended.map((e) => e.outcome.kind);
const RETRY = { Ac: 1n };

describe('a fault under CD.S or STE.S2S', () => {
  it('stalls at stage 1 under CD.S, and its record says so, whatever R and A say', () => {
    const { machine, hole, cd, stage1 } = stalling();
    machine.writeCd(cd, { TTB0: BigInt(stage1.root), ASID: 1n, S: 1n, R: 0n, A: 0n });
    machine.read(0, hole);
    const outcome = machine.write(0, hole);
    expect(stag(outcome)).toBe(1);
    const record = machine.eventAt(1);
    expect(outcome).toEqual({ kind: 'stalled', stag: 1, event: record });
    expect(EVENTS.F_TRANSLATION.layout.decode(record).values).toMatchObject({
      Stall: 1n,
      STAG: 1n,
      RnW: 0n,
      S2: 0n,
      InputAddr: BigInt(hole),
    });
  });

  it('terminates at stage 2 while only stage 1 stalls, and the other way round', () => {
    const first = stalling({ s1: true, s2: false });
    first.machine.map(first.stage2, first.ipa, 0, 0n);
    expect(first.machine.read(0, first.va).kind).toBe('abort');
    const second = stalling({ s1: false, s2: true });
    expect(second.machine.read(0, second.hole).kind).toBe('abort');
    second.machine.map(second.stage2, second.ipa, 0, 0n);
    const outcome = second.machine.read(0, second.va);
    expect(outcome.kind).toBe('stalled');
    expect(EVENTS.F_TRANSLATION.layout.get(second.machine.eventAt(1), 'S2')).toBe(1n);
  });

  it('stalls at stage 2 for the fetch of the CD too', () => {
    const { machine, stage2, cd, va } = stalling({ s2: true });
    const page = cd - (cd % 4096);
    machine.map(stage2, page, page, 0n);
    expect(machine.read(0, va).kind).toBe('stalled');
    expect(EVENTS.F_TRANSLATION.layout.get(machine.eventAt(0), 'CLASS')).toBe(0n);
  });

  it('never stalls what is not one of the four translation faults', () => {
    const { machine, va, s1Entry, stage2 } = stalling({ s2: true });
    const table = s1Entry - (s1Entry % 4096);
    machine.map(stage2, table, 0x1000, S1_PAGE);
    const walk = machine.read(0, va);
    expect(walk.kind).toBe('abort');
    expect(eventName(machine.eventAt(0))).toBe('F_WALK_EABT');
    const bypass = new Machine(STALL_IDR);
    bypass.writeSte(0, { Config: 4n });
    expect(bypass.read(0, 2n ** 50n).kind).toBe('abort');
  });

  it('is ILLEGAL to ask for or to go without, as IDR0.STALL_MODEL says', () => {
    const terminate = stalling({ idr: NESTED_IDR });
    expect(eventName(event(terminate.machine.read(0, terminate.va)))).toBe('C_BAD_CD');
    const stall = stalling({ idr: STALL_ONLY_IDR, s1: false, s2: true });
    expect(eventName(event(stall.machine.read(0, stall.va)))).toBe('C_BAD_CD');
    const stage2 = stalling({ idr: STALL_ONLY_IDR, s1: true, s2: false });
    expect(eventName(event(stage2.machine.read(0, stage2.va)))).toBe('C_BAD_STE');
    const both = stalling({ idr: STALL_ONLY_IDR, s1: true, s2: true });
    expect(both.machine.read(0, both.hole).kind).toBe('stalled');
  });
});

describe('CMD_RESUME', () => {
  it('translates the transaction as though it had just arrived', () => {
    const { machine, hole, stage1, ended } = stalling();
    const held = stag(machine.write(0, hole));
    machine.map(stage1, hole, 0x8000_0000, S1_PAGE);
    machine.command('RESUME', { ...RETRY, STAG: BigInt(held) });
    expect(ended).toEqual([
      {
        stag: held,
        transaction: { streamId: 0, address: BigInt(hole), write: true },
        outcome: expect.objectContaining({ kind: 'ok', pa: 0x5000_0000 }) as unknown,
      },
    ]);
    expect(machine.smmu.stalledTransactions()).toEqual([]);
  });

  it('may find the fault again: a stall and a record of their own', () => {
    const { machine, hole, ended } = stalling();
    machine.read(0, hole);
    machine.command('RESUME', RETRY);
    expect(kinds(ended)).toEqual(['stalled']);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(2n);
    expect(machine.smmu.stalledTransactions()).toHaveLength(1);
  });

  it('retries under the configuration of now, which may terminate', () => {
    const { machine, hole, ended } = stalling();
    machine.read(0, hole);
    machine.writeSte(0, { Config: 0n });
    machine.command('CFGI_STE', { Leaf: 1n });
    machine.command('RESUME', RETRY);
    expect(ended[0]?.outcome).toEqual({ kind: 'abort' });
  });

  it.each([
    { idr: STALL_IDR, Ab: 0n, kind: 'raz-wi' },
    { idr: STALL_IDR, Ab: 1n, kind: 'abort' },
    { idr: ABORT_ONLY_IDR, Ab: 0n, kind: 'abort' },
  ])('terminates with Ab=$Ab as $kind, without an event', ({ idr, Ab, kind }) => {
    const { machine, hole, ended } = stalling({ idr });
    machine.read(0, hole);
    machine.command('RESUME', { Ac: 0n, Ab });
    expect(ended.map((e) => e.outcome)).toEqual([{ kind }]);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(1n);
  });

  it('terminates a stage-2 stall RAZ/WI as well', () => {
    const { machine, va, ipa, stage2, ended } = stalling({ s2: true });
    machine.map(stage2, ipa, 0, 0n);
    machine.read(0, va);
    machine.command('RESUME', { Ac: 0n, Ab: 0n });
    expect(kinds(ended)).toEqual(['raz-wi']);
  });

  it('has no effect unless StreamID and STAG both match', () => {
    const { machine, hole, ended } = stalling();
    machine.read(0, hole);
    machine.command('RESUME', { ...RETRY, STAG: 1n });
    machine.command('RESUME', { ...RETRY, StreamID: 1n });
    expect(ended).toEqual([]);
    expect(machine.smmu.stalledTransactions()).toHaveLength(1);
    expect(machine.smmu.readRegister('CMDQ_CONS')).toBe(2n);
  });

  it('frees the STAG, and only then is it used again', () => {
    const { machine, hole } = stalling();
    expect([0, 0, 0].map(() => stag(machine.read(0, hole)))).toEqual([0, 1, 2]);
    machine.command('RESUME', { STAG: 1n });
    expect([0, 0].map(() => stag(machine.read(0, hole)))).toEqual([1, 3]);
  });
});

describe('CMD_STALL_TERM', () => {
  it('aborts every stalled transaction of its stream and of no other', () => {
    const { machine, hole, cd, stage2, ended } = stalling();
    const twin = { Config: 7n, S1ContextPtr: BigInt(cd), ...machine.stage2(stage2, 1n) };
    machine.writeSte(1, twin);
    for (const streamId of [0, 1, 0]) machine.read(streamId, hole);
    machine.command('STALL_TERM', { StreamID: 0n });
    expect(ended.map((e) => [e.transaction.streamId, e.outcome])).toEqual([
      [0, { kind: 'abort' }],
      [0, { kind: 'abort' }],
    ]);
    expect(machine.smmu.stalledTransactions().map((s) => s.transaction.streamId)).toEqual([1]);
  });
});

describe('clearing SMMUEN', () => {
  it('aborts every stalled transaction, whatever GBPA says', () => {
    const { machine, hole, ended } = stalling();
    machine.read(0, hole);
    machine.smmu.writeRegister('CR0', 0xcn);
    expect(ended.map((e) => e.outcome)).toEqual([{ kind: 'abort' }]);
    expect(machine.smmu.stalledTransactions()).toEqual([]);
  });
});

describe('a stall that finds the event queue unwritable', () => {
  it('is no overflow, and is recorded as soon as there is space', () => {
    const { machine, hole, queued, ended } = stalling({ eventqLog2: 1 });
    for (let n = 0; n < 4; n++) expect(machine.read(0, hole).kind).toBe('stalled');
    expect(queued).toEqual([true, true]);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(2n);
    machine.smmu.writeRegister('EVENTQ_CONS', 1n);
    expect(queued).toEqual([true, true, true]);
    expect(kinds(ended)).toEqual(['stalled']);
    machine.smmu.writeRegister('EVENTQ_CONS', 2n);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(0n);
    const stags = machine.smmu.stalledTransactions().map((s) => s.stag);
    expect(stags.sort()).toEqual([0, 1, 2, 3]);
  });

  it('is retried then: a mapping made in the meantime leaves no record', () => {
    const { machine, hole, stage1, queued, ended } = stalling({ eventqLog2: 1 });
    for (let n = 0; n < 3; n++) machine.read(0, hole);
    machine.map(stage1, hole, 0x8000_0000, S1_PAGE);
    machine.smmu.writeRegister('EVENTQ_CONS', 2n);
    expect(kinds(ended)).toEqual(['ok']);
    expect(queued).toEqual([true, true]);
  });

  it('waits while the queue is disabled, and for an abort to be acknowledged', () => {
    const { machine, hole, ended } = stalling();
    machine.smmu.writeRegister('CR0', 9n);
    machine.read(0, hole);
    expect(ended).toEqual([]);
    machine.smmu.writeRegister('EVENTQ_BASE', 0x1000n | 1n);
    machine.smmu.writeRegister('CR0', 0xdn);
    expect(kinds(ended)).toEqual(['stalled']);
    expect(machine.smmu.readRegister('GERROR')).toBe(1n << 2n);
    machine.smmu.writeRegister('CR0', 9n);
    machine.smmu.writeRegister('EVENTQ_BASE', 0x4020_0000n | 6n);
    machine.smmu.writeRegister('CR0', 0xdn);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(0n);
    machine.smmu.writeRegister('GERRORN', 1n << 2n);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(1n);
    expect(eventName(machine.eventAt(0))).toBe('F_TRANSLATION');
  });

  it('can be resumed and terminated all the same', () => {
    const { machine, hole, ended } = stalling();
    machine.smmu.writeRegister('CR0', 9n);
    machine.read(0, hole);
    machine.smmu.writeRegister('CR0', 0xdn);
    machine.command('STALL_TERM');
    expect(kinds(ended)).toEqual(['stalled', 'abort']);
  });
});

describe('stalls and other commands', () => {
  it('leave each other alone: CFGI, TLBI and SYNC end no stall', () => {
    const { machine, hole, ended } = stalling();
    machine.read(0, hole);
    machine.command('CFGI_STE_RANGE', { Range: 31n });
    machine.command('TLBI_NSNH_ALL');
    machine.command('SYNC');
    expect(ended).toEqual([]);
    expect(machine.smmu.stalledTransactions()).toHaveLength(1);
  });

  it('let other transactions of the stream pass a stalled one', () => {
    const { machine, hole, va } = stalling();
    machine.read(0, hole);
    expect(machine.read(0, va).kind).toBe('ok');
  });
});

function event(outcome: Outcome): readonly bigint[] {
  return 'event' in outcome ? (outcome.event ?? []) : [];
}
