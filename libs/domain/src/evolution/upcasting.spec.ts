import { eventOf, toStoredEvent } from '../stored';
import { schemaOf, UnknownEventVersionError, upcast, UPCASTERS, type Upcasters } from './upcasting';

/** DeviceAdded as it might have been said: one StreamID, then a list, then with what the root complex allows. */
const STEPS: Upcasters = {
  DeviceAdded: [
    ({ payload: { streamId, ...rest }, ...event }) => ({
      ...event,
      payload: { ...rest, streamIds: [streamId] },
    }),
    ({ payload, ...event }) => ({ ...event, payload: { ...payload, ats: false } }),
  ],
};
const added = (schema: number, payload: Record<string, unknown>) => ({
  type: 'DeviceAdded',
  schema,
  payload,
});

describe('an event of an older version', () => {
  it.each([
    [1, { device: 'd', streamId: 7 }, { device: 'd', streamIds: [7], ats: false }],
    [2, { device: 'd', streamIds: [7] }, { device: 'd', streamIds: [7], ats: false }],
    [3, { device: 'd', streamIds: [7], ats: true }, { device: 'd', streamIds: [7], ats: true }],
  ])('%i is said in the present one, step by step', (schema, payload, expected) => {
    expect(upcast(added(schema, payload), STEPS)).toEqual(added(3, expected));
  });

  it('keeps its words and its type where a step leaves them alone', () => {
    const words = Uint8Array.of(1);
    const old = { ...added(2, {}), words };
    expect(upcast(old, STEPS)).toEqual({ ...added(3, { ats: false }), words });
  });

  it.each([0, 4, 1.5, -1])('%d that this release does not know is refused by name', (schema) => {
    expect(() => upcast(added(schema, {}), STEPS)).toThrow(UnknownEventVersionError);
    expect(() => upcast(added(schema, {}), STEPS)).toThrow('DeviceAdded in version');
  });
});

it('types without a step are at version 1, whatever they are called', () => {
  expect(schemaOf('DeviceAdded', STEPS)).toBe(3);
  for (const type of ['VmCreated', 'constructor', 'toString'])
    expect(schemaOf(type, STEPS)).toBe(1);
});

it('what is written now is read as it was, and of a later version not at all', () => {
  const event = { type: 'VmCreated', vm: 'g', host: 'h', ram: [] } as never;
  const stored = toStoredEvent(event);
  const { type, schema } = stored;
  expect(schema).toBe(schemaOf(type, UPCASTERS));
  expect(eventOf(stored)).toEqual(event);
  expect(() => eventOf({ ...stored, schema: schema + 1 })).toThrow(
    `VmCreated in version ${schema + 1}: this release knows versions 1 to ${schema}`,
  );
});
