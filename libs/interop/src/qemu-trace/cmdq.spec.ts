import { identityGuest } from '../__fixtures__/recorded-guests';
import { parseCmdq } from './cmdq';
import { CmdqError, UnsupportedTrace } from './trace-error';

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
    const [queue] = parseCmdq(identityGuest().cmdq);
    if (queue === undefined) throw new Error('no instance');
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

  it('gives one queue for each instance', () => {
    const { smmu_queues, phases } = identityGuest().cmdq as { smmu_queues: Json[]; phases: Json[] };
    const twice = (list: unknown) => [...(list as unknown[]), ...(list as unknown[])];
    const queues = parseCmdq({
      ...(identityGuest().cmdq as Json),
      smmu_instances: 2,
      smmu_queues: twice(smmu_queues),
      phases: phases.map((p) => ({
        ...p,
        cmdq_index: twice(p['cmdq_index']),
        smmu: twice(p['smmu']),
      })),
    });
    expect(queues.map((q) => [q.commands.length, q.phases.length])).toEqual([
      [118, 25],
      [118, 25],
    ]);
  });

  it('gives no phases where the recording has none', () => {
    expect(parseCmdq(documentWith(['phases'], undefined))[0]?.phases).toEqual([]);
    expect(parseCmdq(documentWith(['phases'], []))[0]?.phases).toEqual([]);
  });

  it('refuses a queue whose ring wrapped, with that reason', () => {
    expect(() => parseCmdq(documentWith(['smmu_queues', 0, 'cmdq_wrapped'], true))).toThrow(
      UnsupportedTrace,
    );
  });
});
