import fc from 'fast-check';
import { GUEST_MEMORY, RecordedHost } from './__fixtures__/host';
import type { RecordedTarget } from './__fixtures__/recorded';

/** Areas the property maps and unmaps as wholes: pages, and one that takes a 2 MiB block and pages. */
const AREAS = [
  { iova: 0x4000_0000, length: 0x1000 },
  { iova: 0x4000_1000, length: 0x5000 },
  { iova: 0x8020_0000, length: 0x20_3000 },
] as const;
const DEVICES = ['td0', 'ats0'] as const;
/** Attachments without a stage 1, so that an IOVA is the IPA. */
const PLACES: readonly RecordedTarget[] = [
  'blocked',
  'parent',
  ['0000000000000009', '0000000000000000'],
];

const operation = fc.oneof(
  fc.record({ op: fc.constant('toggle' as const), area: fc.nat({ max: 2 }) }),
  fc.record({
    op: fc.constant('attach' as const),
    device: fc.constantFrom(...DEVICES),
    place: fc.nat({ max: 2 }),
  }),
  fc.record({
    op: fc.constant('dma' as const),
    device: fc.constantFrom(...DEVICES),
    area: fc.nat({ max: 2 }),
    page: fc.nat({ max: 0x202 }),
  }),
);

describe('caches that forget nothing', () => {
  it.each(['A', 'B', 'C', 'F'])(
    'never show a device what the driver took away, nor hide what it gave: run %s',
    (run) => {
      fc.assert(
        fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
          const host = new RecordedHost(run);
          const places = new Map<string, number>();
          const mapped = new Map<number, number>();
          let round = 0;
          for (const step of operations) {
            if (step.op === 'attach') {
              host.attach(step.device, PLACES[step.place]!);
              places.set(step.device, step.place);
              continue;
            }
            const area = AREAS[step.area]!;
            if (step.op === 'toggle') {
              if (mapped.delete(step.area)) host.driver.unmap('s2', area);
              else {
                // Each time elsewhere, so that an old translation shows.
                const pa = GUEST_MEMORY.base + 0x40_0000 * (round++ % 8);
                host.driver.map('s2', { ...area, pa, read: true, write: true, mmio: false });
                mapped.set(step.area, pa);
              }
              continue;
            }
            const offset = (step.page * 0x1000) % area.length;
            const address = BigInt(area.iova + offset);
            const outcome = host.driver.access(step.device, 0, { address, write: true });
            const pa = (places.get(step.device) ?? 0) === 0 ? undefined : mapped.get(step.area);
            const expected = pa === undefined ? { kind: 'abort' } : { kind: 'ok', pa: pa + offset };
            expect(outcome).toMatchObject(expected);
          }
        }),
        { numRuns: 25 },
      );
    },
  );
});
