import { Machine, nestedMachine } from './__fixtures__/machine';
import { encodeEvent, eventName } from './formats/event-records';
import type { Outcome } from './transaction';

const BYPASS = { Config: 4n };
const DISABLED = { Config: 0n };

function event(outcome: Outcome): string | undefined {
  return outcome.kind === 'abort' && outcome.event ? eventName(outcome.event) : outcome.kind;
}

/** A machine whose STE 8 bypasses and says that its neighbours 8 to 11 are alike; they are not there. */
function machineWithSpan(...options: ConstructorParameters<typeof Machine>): Machine {
  const machine = new Machine(...options);
  machine.writeSte(8, { ...BYPASS, CONT: 2n });
  return machine;
}

const ANYWHERE = 0x5000_0000;

describe('a cached STE with CONT', () => {
  it('answers for every StreamID of its span, and for no other', () => {
    const machine = machineWithSpan();
    expect(machine.read(8, ANYWHERE).kind).toBe('ok');
    for (const neighbour of [9, 10, 11]) expect(machine.read(neighbour, ANYWHERE).kind).toBe('ok');
    for (const other of [7, 12]) expect(event(machine.read(other, ANYWHERE))).toBe('C_BAD_STE');
  });

  it('answers for StreamIDs below its own too, for a span is aligned', () => {
    const machine = new Machine();
    machine.writeSte(10, { ...BYPASS, CONT: 2n });
    machine.read(10, ANYWHERE);
    expect(machine.read(8, ANYWHERE).kind).toBe('ok');
  });

  it('is not looked at before it is cached', () => {
    expect(event(machineWithSpan().read(9, ANYWHERE))).toBe('C_BAD_STE');
  });

  it('says nothing where the SMMU does not take the hint', () => {
    const caching = { mode: 'adversarial', contiguousHints: false } as const;
    const machine = machineWithSpan(undefined, { caching });
    machine.read(8, ANYWHERE);
    expect(event(machine.read(9, ANYWHERE))).toBe('C_BAD_STE');
  });

  it('is obeyed for a disabled stream, and not for an ILLEGAL STE', () => {
    const machine = new Machine();
    machine.writeSte(8, { ...DISABLED, CONT: 1n });
    expect(machine.read(8, ANYWHERE)).toEqual({ kind: 'abort' });
    expect(machine.read(9, ANYWHERE)).toEqual({ kind: 'abort' });
    machine.writeSte(16, { V: 0n, CONT: 1n });
    machine.writeSte(17, BYPASS);
    expect(event(machine.read(16, ANYWHERE))).toBe('C_BAD_STE');
    expect(machine.read(17, ANYWHERE).kind).toBe('ok');
  });

  it('does not reach beyond the stream table', () => {
    const machine = new Machine();
    machine.writeSte(0, { ...BYPASS, CONT: 15n });
    machine.read(0, ANYWHERE);
    expect(machine.read(255, ANYWHERE).kind).toBe('ok');
    expect(event(machine.read(256, ANYWHERE))).toBe('C_BAD_STREAMID');
  });

  it('does not reach beyond its level-2 array', () => {
    const machine = new Machine();
    machine.smmu.writeRegister('CR0', 0xcn);
    const [level1, level2] = [machine.page(), machine.page()];
    machine.smmu.writeRegister('STRTAB_BASE', BigInt(level1));
    machine.smmu.writeRegister('STRTAB_BASE_CFG', (1n << 16n) | (6n << 6n) | 8n);
    machine.smmu.writeRegister('CR0', 0xdn);
    // Span 3: four STEs.
    machine.memory.write64(level1, BigInt(level2) | 3n);
    machine.writeWords(level2, [(2n << 2n) | 1n, 15n << 13n]);
    expect(machine.read(0, ANYWHERE).kind).toBe('ok');
    expect(machine.read(3, ANYWHERE).kind).toBe('ok');
    expect(event(machine.read(4, ANYWHERE))).toBe('C_BAD_STREAMID');
    expect(event(machine.read(64, ANYWHERE))).toBe('C_BAD_STREAMID');
  });

  it('gives way, with what it answered for, to another STE in a cache that evicts', () => {
    const caching = { mode: 'limited', sets: 1, ways: 1, seed: 3 } as const;
    const machine = machineWithSpan(undefined, { caching });
    machine.writeSte(40, BYPASS);
    machine.read(8, ANYWHERE);
    expect(machine.read(9, ANYWHERE).kind).toBe('ok');
    machine.read(40, ANYWHERE);
    expect(machine.smmu.cachedEntries().configuration).toBe(1);
    expect(event(machine.read(9, ANYWHERE))).toBe('C_BAD_STE');
  });
});

describe('several cached STEs for one StreamID', () => {
  /** STE 9 is cached first, and then STE 8, whose span reaches over it. */
  function overlapping(nine: Parameters<Machine['writeSte']>[1], idr?: typeof ATS_IDR): Machine {
    const machine = machineWithSpan(idr);
    machine.writeSte(9, nine);
    machine.read(9, ANYWHERE);
    machine.read(8, ANYWHERE);
    return machine;
  }
  const ATS_IDR = [0x0dc4141b, 0x02730010, 0, 0x1414, 0, 0x74] as const;

  it('abort the transaction with F_CFG_CONFLICT where they are not alike', () => {
    const machine = overlapping(DISABLED);
    const record = encodeEvent('F_CFG_CONFLICT', { StreamID: 9n, SSV: 1n, SubstreamID: 5n });
    expect(machine.read(9, ANYWHERE, { substreamId: 5 })).toEqual({ kind: 'abort', event: record });
    expect(machine.eventAt(0)).toEqual(record);
    expect(machine.read(8, ANYWHERE).kind).toBe('ok');
    expect(machine.read(10, ANYWHERE).kind).toBe('ok');
  });

  it.each([
    ['CONT', { ...BYPASS, CONT: 0n }],
    ['the bits of software', { ...BYPASS, SW_RESERVED: 0xfn }],
    ['IMPLEMENTATION DEFINED bits', { ...BYPASS, IMPDEF_116: 1n }],
  ])('answer as one where they differ in %s alone', (_what, nine) => {
    expect(overlapping(nine).read(9, ANYWHERE).kind).toBe('ok');
  });

  it('fault until one of the two is invalidated', () => {
    const machine = overlapping(DISABLED);
    expect(event(machine.read(9, ANYWHERE))).toBe('F_CFG_CONFLICT');
    machine.command('CFGI_STE', { StreamID: 8n, Leaf: 1n });
    expect(machine.read(9, ANYWHERE)).toEqual({ kind: 'abort' });
    machine.read(8, ANYWHERE);
    machine.command('CFGI_STE', { StreamID: 9n, Leaf: 1n });
    expect(machine.read(9, ANYWHERE).kind).toBe('ok');
  });

  it('fault where two spans overlap that are not alike', () => {
    const machine = new Machine();
    machine.writeSte(8, { ...BYPASS, CONT: 1n });
    machine.writeSte(10, { ...DISABLED, CONT: 2n });
    machine.read(8, ANYWHERE);
    machine.read(9, ANYWHERE);
    machine.read(10, ANYWHERE);
    expect(event(machine.read(9, ANYWHERE))).toBe('F_CFG_CONFLICT');
    expect(event(machine.read(8, ANYWHERE))).toBe('F_CFG_CONFLICT');
    expect(machine.read(11, ANYWHERE)).toEqual({ kind: 'abort' });
  });

  it.each([
    [1n, true],
    [0n, false],
  ])('make a Translation Request end in CA, recorded where REC_CFG_ATS is %i', (bit, recorded) => {
    const machine = overlapping(DISABLED, ATS_IDR);
    machine.smmu.writeRegister('CR0', 0xcn);
    machine.smmu.writeRegister('CR2', 2n | (bit << 3n));
    machine.smmu.writeRegister('CR0', 0x1dn);
    const request = { streamId: 9, address: 0n, noWrite: true };
    const event = encodeEvent('F_CFG_CONFLICT', { StreamID: 9n });
    const told = recorded ? { event } : {};
    const completion = machine.smmu.translationRequest(request);
    expect(completion).toEqual({ kind: 'completer-abort', ...told });
    const translated = machine.read(9, ANYWHERE, { translated: true });
    expect(translated).toEqual({ kind: 'abort', ...told });
  });
});

describe('invalidation of STEs with CONT', () => {
  it('takes along the neighbours that an STE answered for', () => {
    const machine = machineWithSpan();
    machine.read(8, ANYWHERE);
    machine.read(9, ANYWHERE);
    machine.command('CFGI_STE', { StreamID: 8n, Leaf: 1n });
    expect(machine.smmu.cachedEntries().configuration).toBe(0);
    expect(event(machine.read(9, ANYWHERE))).toBe('C_BAD_STE');
  });

  it('of a neighbour alone leaves the STE that covers it: CONT does not affect invalidation', () => {
    const machine = machineWithSpan();
    machine.read(8, ANYWHERE);
    machine.read(9, ANYWHERE);
    machine.command('CFGI_STE', { StreamID: 9n, Leaf: 1n });
    expect(machine.read(9, ANYWHERE).kind).toBe('ok');
  });

  it.each([
    ['the span', 1n],
    ['everything', 31n],
  ])('of %s leaves nothing', (_what, Range) => {
    const machine = machineWithSpan();
    for (const stream of [8, 9, 10, 11]) machine.read(stream, ANYWHERE);
    machine.command('CFGI_STE_RANGE', { StreamID: 8n, Range });
    expect(machine.smmu.cachedEntries().configuration).toBe(0);
    for (const stream of [9, 10, 11])
      expect(event(machine.read(stream, ANYWHERE))).toBe('C_BAD_STE');
  });

  it('knows the CDs by the StreamID that used them', () => {
    const { machine, va, cd } = nestedMachine({ steFields: { CONT: 1n } });
    expect(machine.read(0, va).kind).toBe('ok');
    expect(machine.read(1, va).kind).toBe('ok');
    machine.writeCd(cd, { V: 0n });
    machine.command('CFGI_CD', { StreamID: 1n, SubstreamID: 0n });
    expect(machine.read(0, va).kind).toBe('ok');
    expect(event(machine.read(1, va))).toBe('C_BAD_CD');
    machine.command('CFGI_CD_ALL', { StreamID: 0n });
    expect(event(machine.read(0, va))).toBe('C_BAD_CD');
  });
});
