import {
  AF,
  AP_RO,
  Machine,
  nestedMachine,
  NOT_GLOBAL,
  PAGE,
  RAZ_WI_IDR,
  S1_PAGE,
  S2_PAGE,
} from './__fixtures__/machine';
import { EVENTS, eventName, type EventName } from './formats/event-records';
import type { Outcome } from './transaction';

function record(outcome: Outcome): readonly bigint[] {
  if (outcome.kind === 'abort' || outcome.kind === 'raz-wi') return outcome.event ?? [];
  return [];
}

function fields(outcome: Outcome, name: EventName, wanted: string[]): Record<string, bigint> {
  const words = record(outcome);
  expect(eventName(words)).toBe(name);
  return Object.fromEntries(wanted.map((f) => [f, EVENTS[name].layout.get(words, f as never)]));
}

const VA = 0x1000;

describe('termination under CD.A and CD.R', () => {
  it.each([
    { A: 0n, R: 0n, kind: 'raz-wi', recorded: false },
    { A: 0n, R: 1n, kind: 'raz-wi', recorded: true },
    { A: 1n, R: 0n, kind: 'abort', recorded: false },
    { A: 1n, R: 1n, kind: 'abort', recorded: true },
  ])('A=$A R=$R ends as $kind, recorded: $recorded', ({ A, R, kind, recorded }) => {
    const machine = new Machine(RAZ_WI_IDR);
    const cd = machine.page();
    machine.writeCd(cd, { TTB0: BigInt(machine.page()), A, R });
    machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cd) });
    const outcome = machine.read(0, VA);
    expect(outcome.kind).toBe(kind);
    expect(record(outcome).length > 0).toBe(recorded);
  });
});

describe('the event record', () => {
  it('is in the event queue as the outcome gives it', () => {
    const { machine, va } = nestedMachine();
    const outcome = machine.read(0, va + 4096);
    expect(machine.eventAt(0)).toEqual(record(outcome));
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(1n);
  });

  it('names the descriptor that stage 2 refused in a stage-1 walk', () => {
    const { machine, stage2, va, s1Entry } = nestedMachine();
    machine.map(stage2, s1Entry - (s1Entry % 4096), 0, 0n);
    const outcome = machine.write(0, va);
    expect(
      fields(outcome, 'F_TRANSLATION', ['S2', 'CLASS', 'IPA', 'RnW', 'InputAddr', 'StreamID']),
    ).toEqual({
      S2: 1n,
      CLASS: 1n,
      IPA: BigInt(s1Entry - (s1Entry % 4096)),
      RnW: 0n,
      InputAddr: BigInt(va),
      StreamID: 0n,
    });
  });

  it('says that a protected walk hit Device memory', () => {
    const { machine, stage2, va, cd } = nestedMachine();
    machine.writeSte(0, {
      Config: 7n,
      S1ContextPtr: BigInt(cd),
      S2PTW: 1n,
      ...machine.stage2(stage2, 1n),
    });
    machine.map(stage2, cd, cd, S2_PAGE & ~(0xfn << 2n));
    const outcome = machine.read(0, va);
    expect(fields(outcome, 'F_PERMISSION', ['S2', 'CLASS', 'IPA'])).toEqual({
      S2: 1n,
      CLASS: 0n,
      IPA: BigInt(cd),
    });
  });

  it('marks a stage-2 permission fault of a table walk as a read of the table', () => {
    const { machine, stage2, va, s1Entry } = nestedMachine();
    const page = s1Entry - (s1Entry % 4096);
    machine.map(stage2, page, page, S2_PAGE & ~(1n << 6n));
    const outcome = machine.write(0, va);
    expect(fields(outcome, 'F_PERMISSION', ['S2', 'CLASS', 'TTRnW', 'RnW'])).toEqual({
      S2: 1n,
      CLASS: 1n,
      TTRnW: 1n,
      RnW: 0n,
    });
  });

  it('carries the SubstreamID and the attributes of the transaction', () => {
    const { machine, va } = nestedMachine();
    const outcome = machine.read(0, va + 4096, { privileged: true, instruction: true });
    expect(fields(outcome, 'F_TRANSLATION', ['PnU', 'InD', 'RnW'])).toEqual({
      PnU: 1n,
      InD: 1n,
      RnW: 1n,
    });
  });

  it('calls every write Data', () => {
    const { machine, va } = nestedMachine();
    const outcome = machine.write(0, va + 4096, { instruction: true });
    expect(fields(outcome, 'F_TRANSLATION', ['InD', 'RnW'])).toEqual({ InD: 0n, RnW: 0n });
  });
});

describe('stage-2 faults', () => {
  it('are silent with S2R=0 and abort whatever CD.A says', () => {
    const machine = new Machine(RAZ_WI_IDR);
    const stage2 = machine.table();
    machine.writeSte(0, { Config: 6n, ...machine.stage2(stage2, 1n), S2R: 0n });
    expect(machine.read(0, VA)).toEqual({ kind: 'abort' });
  });
});

describe('privilege', () => {
  it('lets only privileged accesses use a privileged page', () => {
    const machine = new Machine();
    const table = machine.table();
    machine.map(table, VA, 0x5000_0000, PAGE | AF | NOT_GLOBAL);
    const cd = machine.page();
    machine.writeCd(cd, { TTB0: BigInt(table.root) });
    machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cd) });
    expect(eventName(record(machine.read(0, VA)))).toBe('F_PERMISSION');
    expect(machine.read(0, VA, { privileged: true }).kind).toBe('ok');
    // The cached entry keeps the two apart.
    expect(eventName(record(machine.read(0, VA)))).toBe('F_PERMISSION');
  });

  it('is overridden by STE.PRIVCFG where IDR1.ATTR_PERMS_OVR says so', () => {
    const machine = new Machine([0x0d44101b, 0x02730010 | (1 << 26), 0, 0x1414, 0, 0x74]);
    const table = machine.table();
    machine.map(table, VA, 0x5000_0000, PAGE | AF | NOT_GLOBAL);
    const cd = machine.page();
    machine.writeCd(cd, { TTB0: BigInt(table.root) });
    machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cd), PRIVCFG: 3n });
    expect(machine.read(0, VA).kind).toBe('ok');
  });
});

describe('instruction reads', () => {
  it('need execute permission', () => {
    const machine = new Machine();
    const table = machine.table();
    machine.map(table, VA, 0x5000_0000, S1_PAGE | (1n << 54n));
    machine.map(table, VA + 4096, 0x5000_1000, PAGE | AF | NOT_GLOBAL | AP_RO);
    const cd = machine.page();
    machine.writeCd(cd, { TTB0: BigInt(table.root) });
    machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cd) });
    const instruction = true;
    expect(eventName(record(machine.read(0, VA, { instruction })))).toBe('F_PERMISSION');
    expect(machine.read(0, VA + 4096, { instruction }).kind).toBe('ok');
    // UXN is for EL0 alone; but what EL0 can write, EL1 never executes.
    const privileged = true;
    expect(machine.read(0, VA + 4096, { instruction, privileged }).kind).toBe('ok');
    expect(eventName(record(machine.read(0, VA, { instruction, privileged })))).toBe(
      'F_PERMISSION',
    );
  });
});
