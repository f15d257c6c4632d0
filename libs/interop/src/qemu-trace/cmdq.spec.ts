import { identityGuest } from '../__fixtures__/recorded-guests';
import { parseCmdq } from './cmdq';
import { CmdqError, NoSuchSmmu, UnsupportedTrace } from './trace-error';

type Json = Record<string | number, unknown>;

/** The recorded document with one place of it replaced. */
function documentWith(path: readonly (string | number)[], value: unknown): unknown {
  const document = structuredClone(identityGuest().cmdq) as Json;
  let place = document;
  for (const key of path.slice(0, -1)) place = place[key] as Json;
  if (value === undefined) Reflect.deleteProperty(place, path.at(-1) ?? '');
  else place[path.at(-1) ?? ''] = value;
  return document;
}

describe('the command queue document', () => {
  it('gives the raw commands and what the phases ended with', () => {
    const queue = parseCmdq(identityGuest().cmdq);
    expect(queue.guest).toBe('guest-identity');
    expect(queue.kernelOptions).toBe('iommu.passthrough=1');
    expect(queue.commands).toHaveLength(118);
    expect(queue.commands[0]).toEqual([0x4n, 0x1fn]);
    expect(queue.phases).toHaveLength(25);
    expect(queue.phases[0]).toMatchObject({ name: 'boot', lastLine: 151, commandsEnd: 19 });
    expect(queue.phases[0]?.entries.get(0x10)?.ste[0]).toBe(0x9n);
    expect(queue.phases[0]?.entries.has(0x100)).toBe(false);
  });

  it.each([
    [['smmu_instances'], '1', 'smmu_instances'],
    [['smmu_queues', 0, 'cmdq', 3], '04 1f', 'smmu_queues[0].cmdq[3]'],
    [['smmu_queues'], [], 'smmu_queues[0]'],
    [['phases', 2, 'trace_lines'], [5, 4], 'phases[2].trace_lines'],
    [['phases', 2, 'trace_lines'], [0, 1], 'phases[2].trace_lines'],
    [['phases', 24, 'cmdq_index'], [[118, 500]], 'phases[24].cmdq_index'],
    [['phases', 24, 'cmdq_index'], [[0, 1]], 'phases[24].cmdq_index'],
    [['phases', 0, 'smmu'], [], 'phases[0].smmu[0]'],
    [
      ['phases', 0, 'smmu', 0, 'ste_by_streamid', '0010', 'ste'],
      ['0000000000000009'],
      'phases[0].smmu[0].ste_by_streamid.0010.ste',
    ],
    [['phases', 0, 'smmu', 0, 'regs', 'IDR3'], 'x', 'phases[0].smmu[0].regs.IDR3'],
  ])('refuses a wrong value at %j, naming the place', (path, value, named) => {
    const parse = () => parseCmdq(documentWith(path, value));
    expect(parse).toThrow(CmdqError);
    expect(parse).toThrow(new RegExp(`^${named.replace(/[[\].]/g, '\\$&')}: `));
  });

  it('refuses an SMMU instance that the recording does not have', () => {
    expect(() => parseCmdq(identityGuest().cmdq, 1)).toThrow(NoSuchSmmu);
    expect(() => parseCmdq(identityGuest().cmdq, -1)).toThrow(NoSuchSmmu);
  });

  it.each([
    [['smmu_instances'], 2, 'several-smmus'],
    [['phases', 0, 'smmu', 0, 'regs', 'IDR0'], '0xd441019', 'stage-2-only'],
    [['phases'], undefined, 'no-phases'],
    [['phases'], [], 'no-phases'],
    [['smmu_queues', 0, 'cmdq_wrapped'], true, 'queue-wrapped'],
  ])('says that %j = %j is not modelled, with its reason', (path, value, reason) => {
    let caught: unknown;
    try {
      parseCmdq(documentWith(path, value));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(UnsupportedTrace);
    expect(caught).toMatchObject({ reason });
  });
});
