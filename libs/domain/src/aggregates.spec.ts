import fc from 'fast-check';
import * as c from './__fixtures__/commands';
import { History } from './__fixtures__/given-when-then';
import { AGGREGATE_KINDS, decide, DECIDERS, kindOfCommand, parseStream } from './aggregates';
import type { Command } from './aggregates';

/** Commands over a small world; order and repetition make most of the histories wrong somewhere. */
const POOL: readonly Command[] = [
  ...c.NESTED,
  ...c.SECOND_GUEST,
  ...c.SECOND_SMMU,
  { ...c.mapIova, iova: '0x80ff000', length: '0x1000' },
  { type: 'UnmapIova', ioas: 'i', iova: '0x0', length: '0x80000000' },
  c.mapDoorbell,
  { ...c.allocateDomain, domain: 'n2', vste: c.BYPASS_VSTE },
  { type: 'FreeNestedDomain', domain: 'n' },
  { type: 'FreeNestedDomain', domain: 'n2' },
  c.attach('nested-domain', 'n'),
  c.attach('nested-domain', 'n2'),
  c.attach('s2-parent', 'p'),
  c.attach('s2-parent', 'p2', 'd2'),
  c.detach,
  c.writeRegister('CMDQ_BASE', '0x2'),
  c.writeRegister('CR0', '0xd'),
  { type: 'QueueGuestCommands', vsmmu: 'vs', words: BigUint64Array.of(0x46n, 0n) },
  { type: 'CompleteGuestCommands', vsmmu: 'vs', cons: 1 },
  { type: 'RecordGuestEvent', vsmmu: 'vs', words: BigUint64Array.of(4n, 0n, 0n, 0n) },
];

describe('deciding', () => {
  /** A valid beginning of some length, then anything. */
  const runs = fc
    .tuple(
      fc.nat({ max: c.NESTED.length }),
      fc.array(fc.constantFrom(...POOL), { minLength: 1, maxLength: 40 }),
    )
    .map(([length, rest]) => [...c.NESTED.slice(0, length), ...rest]);

  it('never throws, answers the same twice, and emits only events that its history can follow', () => {
    fc.assert(
      fc.property(runs, (commands) => {
        const context = new History([]);
        for (const command of commands) {
          const decision = decide(command, context);
          expect(decide(command, context)).toEqual(decision);
          if (decision.ok) context.follow(decision.events);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is by one aggregate a command type', () => {
    const types = AGGREGATE_KINDS.flatMap((kind) => Object.keys(DECIDERS[kind].commands));
    expect(new Set(types).size).toBe(types.length);
    expect(kindOfCommand('AttachDevice')).toBe('device');
    expect(kindOfCommand('Nothing')).toBeUndefined();
    expect(() => decide({ type: 'Nothing' } as never, new History([]))).toThrow(RangeError);
  });
});

describe('parseStream', () => {
  it('splits at the first slash', () => {
    expect(parseStream('s2-parent/a/b')).toEqual({ kind: 's2-parent', id: 'a/b' });
  });

  it.each(['', 'device', 'device/', '/d', 'nothing/d', 'toString/d'])('refuses "%s"', (stream) => {
    expect(() => parseStream(stream)).toThrow(RangeError);
  });
});
