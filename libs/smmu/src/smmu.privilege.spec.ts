import { Machine, NESTED_IDR, S1_PAGE } from './__fixtures__/machine';

const VA = 0x1234_5000;
const AP_UNPRIVILEGED = 1n << 6n;
const UXN = 1n << 54n;

/** A privileged read of a page that the unprivileged cannot read, under PAN and EPAN. */
function privilegedRead(idr3: number, leaf: bigint): string {
  const machine = new Machine([NESTED_IDR[0], NESTED_IDR[1], 0, idr3, 0, NESTED_IDR[5]]);
  const table = machine.table();
  const cd = machine.page();
  machine.map(table, VA, 0x5000_0000, leaf & ~AP_UNPRIVILEGED);
  machine.writeCd(cd, { TTB0: BigInt(table.root), PAN: 1n, EPAN: 1n });
  machine.writeSte(0, { Config: 5n, S1ContextPtr: BigInt(cd) });
  return machine.read(0, VA, { privileged: true }).kind;
}

describe('CD.EPAN', () => {
  const EPAN = NESTED_IDR[3] | (1 << 17);

  it('takes privileged data access to what the unprivileged may execute', () => {
    expect(privilegedRead(EPAN, S1_PAGE)).toBe('abort');
    expect(privilegedRead(EPAN, S1_PAGE | UXN)).toBe('ok');
  });

  it('is RES0 without IDR3.EPAN', () => {
    expect(privilegedRead(NESTED_IDR[3], S1_PAGE)).toBe('ok');
  });
});
