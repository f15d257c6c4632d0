import {
  Machine,
  NESTED_IDR,
  NOT_GLOBAL,
  S1_PAGE,
  SUBSTREAM_IDR,
  type Table,
} from './__fixtures__/machine';
import type { Outcome } from './transaction';

const VA = 0x1000;
const GLOBAL_PAGE = S1_PAGE & ~NOT_GLOBAL;
const pa = (outcome: Outcome): number | string =>
  outcome.kind === 'ok' ? outcome.pa : outcome.kind;

/** A stage-1 stream whose table maps VA; its CD takes more fields. */
function stream(
  machine: Machine,
  id: number,
  page: bigint,
  fields: Parameters<Machine['writeCd']>[1],
): { table: Table; cd: number; data: number } {
  const [table, cd, data] = [machine.table(), machine.page(), machine.page()];
  machine.map(table, VA, data, page);
  machine.writeCd(cd, { TTB0: BigInt(table.root), ...fields });
  machine.writeSte(id, { Config: 5n, S1ContextPtr: BigInt(cd) });
  return { table, cd, data };
}

describe('tags', () => {
  it('a global entry is of its ASET: the other set looks its own tables up', () => {
    const machine = new Machine();
    const first = stream(machine, 1, GLOBAL_PAGE, { ASID: 1n, ASET: 0n });
    const second = stream(machine, 2, GLOBAL_PAGE, { ASID: 2n, ASET: 1n });
    expect(pa(machine.read(1, VA))).toBe(first.data);
    expect(pa(machine.read(2, VA))).toBe(second.data);
  });

  it('an ASID wider than implemented names nothing, not even global entries', () => {
    const idr = [
      NESTED_IDR[0] & ~(1 << 12),
      ...NESTED_IDR.slice(1),
    ] as unknown as typeof NESTED_IDR;
    const machine = new Machine(idr);
    stream(machine, 1, GLOBAL_PAGE, { ASID: 1n });
    machine.read(1, VA);
    machine.command('TLBI_NH_VA', { ASID: 0x101n, Address: BigInt(VA) });
    expect(machine.smmu.cachedEntries().stage1).toBe(1);
    machine.command('TLBI_NH_VA', { ASID: 1n, Address: BigInt(VA) });
    expect(machine.smmu.cachedEntries().stage1).toBe(0);
  });

  it('CFGI_CD names the CD of its SubstreamID, and no other', () => {
    const machine = new Machine(SUBSTREAM_IDR);
    const { cd, table } = stream(machine, 1, S1_PAGE, { ASID: 1n });
    machine.writeCd(cd + 5 * 64, { TTB0: BigInt(table.root), ASID: 5n });
    machine.writeSte(1, { Config: 5n, S1ContextPtr: BigInt(cd), S1CDMax: 4n, S1DSS: 2n });
    expect(machine.read(1, VA, { substreamId: 5 }).kind).toBe('ok');
    machine.writeCd(cd + 5 * 64, { V: 0n });
    machine.command('CFGI_CD', { StreamID: 1n, SubstreamID: 4n, Leaf: 1n });
    expect(machine.read(1, VA, { substreamId: 5 }).kind).toBe('ok');
    machine.command('CFGI_CD', { StreamID: 1n, SubstreamID: 5n, Leaf: 1n });
    expect(machine.read(1, VA, { substreamId: 5 }).kind).toBe('abort');
  });
});

describe('a global error', () => {
  it('that arises again while it is active stays active', () => {
    const machine = new Machine([NESTED_IDR[0] | (1 << 13), 0x02730010, 0, 0x1414, 0, 0x74]);
    const active = (): boolean =>
      machine.smmu.readRegister('GERROR') !== machine.smmu.readRegister('GERRORN');
    const nowhere = { CS: 1n, MSIAddress: 0x1000n, MSIData: 1n };
    machine.command('SYNC', nowhere);
    expect(active()).toBe(true);
    machine.command('SYNC', nowhere);
    expect(active()).toBe(true);
  });
});
