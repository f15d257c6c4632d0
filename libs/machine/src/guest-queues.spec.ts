import { PhysicalMemory } from '@steward/smmu';
import { GuestMemory } from './guest-memory';
import { GuestQueues } from './guest-queues';

const IPA = 0x10000;
const PA = 0x80000;
const OVERFLOW = 1n << 31n;

/** A guest with command and event queues of four entries each. */
function guest(): { queues: GuestQueues; memory: GuestMemory } {
  const memory = new GuestMemory(new PhysicalMemory([{ base: PA, size: 0x2000 }]), [
    { ipa: '0x10000', size: '0x2000', pa: '0x80000' },
  ]);
  const queues = new GuestQueues(memory);
  queues.write('CMDQ_BASE', BigInt(IPA) | 2n);
  queues.write('EVENTQ_BASE', BigInt(IPA + 0x1000) | 2n);
  return { queues, memory };
}

const record = (n: bigint) => BigUint64Array.of(n, n + 1n, n + 2n, n + 3n);
const firstWords = (queues: GuestQueues) => queues.pendingEvents().map(([word]) => word);

describe('the command queue of a guest', () => {
  it('holds commands where PROD pointed, and wraps with its wrap bit', () => {
    const { queues, memory } = guest();
    queues.queueCommands(BigUint64Array.of(1n, 2n, 3n, 4n, 5n, 6n));
    expect(queues.read('CMDQ_PROD')).toBe(3n);
    expect([memory.read(IPA + 32), memory.read(IPA + 40)]).toEqual([5n, 6n]);
    queues.queueCommands(BigUint64Array.of(7n, 8n, 9n, 10n));
    expect(queues.read('CMDQ_PROD')).toBe(5n);
    expect([memory.read(IPA), memory.read(IPA + 8)]).toEqual([9n, 10n]);
    queues.queueCommands(BigUint64Array.of(0n, 0n, 0n, 0n, 0n, 0n));
    expect(queues.read('CMDQ_PROD')).toBe(0n);
  });

  it('follows with CONS', () => {
    const { queues } = guest();
    queues.consume(3);
    expect(queues.read('CMDQ_CONS')).toBe(3n);
    expect(queues.read('GERROR')).toBe(0n);
  });

  it('that stops shows the code in CONS.ERR and toggles GERROR.CMDQ_ERR once', () => {
    const { queues } = guest();
    queues.consume(2, 'CERROR_ILL');
    expect(queues.read('CMDQ_CONS')).toBe(2n | (1n << 24n));
    expect(queues.read('GERROR')).toBe(1n);
    queues.consume(2, 'CERROR_ILL');
    expect(queues.read('GERROR')).toBe(1n);
    queues.write('GERRORN', 1n);
    queues.consume(2, 'CERROR_ILL');
    expect(queues.read('GERROR')).toBe(0n);
  });
});

describe('the event queue of a guest', () => {
  it('gives records back oldest first, whole, across the wrap', () => {
    const { queues } = guest();
    for (let n = 0n; n < 3n; n++) queues.recordEvent(record(n * 10n));
    queues.write('EVENTQ_CONS', 3n);
    for (let n = 3n; n < 6n; n++) queues.recordEvent(record(n * 10n));
    expect(queues.pendingEvents()).toEqual([30n, 40n, 50n].map((n) => [n, n + 1n, n + 2n, n + 3n]));
    expect(queues.read('EVENTQ_PROD')).toBe(6n);
  });

  it('loses records while full, toggles OVFLG for the first only, and keeps what it holds', () => {
    const { queues } = guest();
    const stored = [0n, 1n, 2n, 3n, 4n, 5n].map((n) => queues.recordEvent(record(n * 10n)));
    expect(stored).toEqual([true, true, true, true, false, false]);
    expect(queues.read('EVENTQ_PROD')).toBe(4n | OVERFLOW);
    expect(firstWords(queues)).toEqual([0n, 10n, 20n, 30n]);
  });

  it('takes records again once the guest reads, and reports the next overflow once acknowledged', () => {
    const { queues } = guest();
    for (let n = 0n; n < 5n; n++) queues.recordEvent(record(n));
    queues.write('EVENTQ_CONS', 1n | OVERFLOW); // Read one, acknowledged.
    expect(queues.recordEvent(record(70n))).toBe(true);
    expect(queues.read('EVENTQ_PROD')).toBe(5n | OVERFLOW);
    expect(firstWords(queues).at(-1)).toBe(70n);
    expect(queues.recordEvent(record(80n))).toBe(false);
    expect(queues.read('EVENTQ_PROD')).toBe(5n);
  });
});

describe('the memory of a guest', () => {
  it('is RAM and doorbells, and nothing else', () => {
    const { memory } = guest();
    memory.addDoorbell(0x8090000, 0x44000);
    expect(memory.backing(IPA + 0x1fff)).toBe(PA + 0x1fff);
    expect(memory.backing(IPA + 0x2000)).toBeUndefined();
    expect(memory.backing(0x8090040)).toBe(0x44040);
    expect([memory.write(IPA + 4, 1n), memory.read(IPA + 4)]).toEqual([false, undefined]);
    expect(memory.write(IPA + 0x2000, 1n)).toBe(false);
  });
});
