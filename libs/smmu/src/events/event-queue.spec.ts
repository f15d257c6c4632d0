import { Machine, NESTED_IDR } from '../__fixtures__/machine';

const OVFLG = 1n << 31n;

/** A machine whose every access is a C_BAD_STE, with a queue of two records. */
function full(): { machine: Machine; queued: boolean[] } {
  const queued: boolean[] = [];
  const machine = new Machine(NESTED_IDR, {
    eventqLog2: 1,
    observer: { eventRecorded: (_record, q) => queued.push(q) },
  });
  return { machine, queued };
}

describe('the event queue', () => {
  it('toggles OVFLG once when a record finds it full', () => {
    const { machine, queued } = full();
    for (let n = 0; n < 4; n++) machine.read(0, 0);
    expect(queued).toEqual([true, true, false, false]);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(OVFLG | 2n);
    expect(machine.smmu.readRegister('GERROR')).toBe(0n);
  });

  it('takes records again when there is space, an overflow pending or not', () => {
    const { machine, queued } = full();
    for (let n = 0; n < 3; n++) machine.read(0, 0);
    machine.smmu.writeRegister('EVENTQ_CONS', 1n);
    machine.read(0, 0);
    expect(queued).toEqual([true, true, false, true]);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(OVFLG | 3n);
  });

  it('reports the next overflow once the last is acknowledged', () => {
    const { machine } = full();
    for (let n = 0; n < 3; n++) machine.read(0, 0);
    machine.smmu.writeRegister('EVENTQ_CONS', OVFLG);
    machine.read(0, 0);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(2n);
  });

  it('drops records silently while it is disabled', () => {
    const { machine, queued } = full();
    machine.smmu.writeRegister('CR0', 9n);
    for (let n = 0; n < 3; n++) machine.read(0, 0);
    expect(queued).toEqual([false, false, false]);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(0n);
  });

  it('wraps: records go round, and PROD keeps count of the rounds', () => {
    const { machine, queued } = full();
    const next = [0n, 1n, 2n, 3n];
    for (const consumer of next) {
      machine.smmu.writeRegister('EVENTQ_CONS', consumer);
      machine.read(Number(consumer), 0);
      expect(machine.eventAt(Number(consumer) % 2)[0]! >> 32n).toBe(consumer);
      expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe((consumer + 1n) % 4n);
    }
    expect(queued).toEqual([true, true, true, true]);
  });

  it('goes on where it stood when it is enabled again', () => {
    const { machine, queued } = full();
    machine.read(0, 0);
    machine.smmu.writeRegister('CR0', 9n);
    machine.read(0, 0);
    machine.smmu.writeRegister('CR0', 0xdn);
    machine.read(0, 0);
    expect(queued).toEqual([true, false, true]);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(2n);
  });

  it('raises EVENTQ_ABT_ERR without memory, and records nothing until acknowledged', () => {
    const { machine, queued } = full();
    machine.smmu.writeRegister('CR0', 9n);
    machine.smmu.writeRegister('EVENTQ_BASE', 0x1000n | 1n);
    machine.smmu.writeRegister('CR0', 0xdn);
    machine.read(0, 0);
    expect(machine.smmu.readRegister('GERROR')).toBe(1n << 2n);
    expect(machine.smmu.readRegister('EVENTQ_PROD')).toBe(0n);
    machine.read(0, 0);
    expect(machine.smmu.readRegister('GERROR')).toBe(1n << 2n);
    machine.smmu.writeRegister('GERRORN', 1n << 2n);
    machine.read(0, 0);
    expect(machine.smmu.readRegister('GERROR')).toBe(0n);
    expect(queued).toEqual([false, false, false]);
  });
});
