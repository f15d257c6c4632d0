import fc from 'fast-check';
import { bytesOf, commandOf, eventOf, toStored, toStoredEvent, wordsOf } from './stored';

const words = fc.bigUint64Array({ maxLength: 40 });

describe('stored form', () => {
  it('gives back the words it was given', () => {
    fc.assert(fc.property(words, (value) => expect(wordsOf(bytesOf(value))).toEqual(value)));
  });

  it('is little-endian', () => {
    expect([...bytesOf(BigUint64Array.of(0x0102030405060708n))]).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it('reads words at any offset of a buffer, as a database driver hands them out', () => {
    const shifted = new Uint8Array(17).subarray(1);
    shifted.set(bytesOf(BigUint64Array.of(1n, 2n)));
    expect([...wordsOf(shifted)]).toEqual([1n, 2n]);
  });

  it('refuses bytes that are not whole words', () => {
    expect(() => wordsOf(new Uint8Array(9))).toThrow(RangeError);
  });

  it('gives back events and commands, with bulk words beside a JSON payload', () => {
    fc.assert(
      fc.property(words, fc.string(), fc.nat(), (value, vm, count) => {
        const event = { type: 'GuestMemoryWritten', vm, count, words: value } as const;
        const command = { type: 'QueueGuestCommands', vsmmu: vm, words: value } as const;
        const stored = toStoredEvent(event);
        expect(stored.payload).toEqual({ vm, count });
        const throughJson = { ...stored, payload: JSON.parse(JSON.stringify(stored.payload)) };
        expect(eventOf(throughJson)).toEqual(event);
        expect(commandOf(toStored(command))).toEqual(command);
      }),
    );
  });

  it('has no words when there are none', () => {
    const event = { type: 'HostSmmuListed', smmu: 's' } as const;
    expect(toStored(event)).toEqual({ type: 'HostSmmuListed', payload: { smmu: 's' } });
    expect(eventOf(toStoredEvent(event))).toEqual(event);
  });
});
