import fc from 'fast-check';
import { encodeCommand, type CommandWords } from '@steward/smmu';
import { crossCheck } from './cross-check';
import { parseTrace } from './lines';

const SYNC = encodeCommand('SYNC', { CS: 2n });

/** A trace of commands given as their detail lines, each with the pointers QEMU prints. */
function traceOf(...commands: { name: string; details?: string[] }[]) {
  const rows = commands.flatMap(({ name, details = [] }, k) => [
    `smmuv3_cmdq_consume prod=${commands.length} cons=${k} prod.wrap=0 cons.wrap=0`,
    `smmuv3_cmdq_opcode <--- SMMU_CMD_${name}`,
    ...details,
  ]);
  return parseTrace(
    [
      ...rows,
      `smmuv3_cmdq_consume_out prod:${commands.length}, cons:${commands.length}, prod_wrap:0, cons_wrap:0`,
      '',
    ].join('\n'),
  );
}

const CFGI = (sid: number) => ({
  name: 'CFGI_STE',
  details: [
    `smmuv3_cmdq_cfgi_ste streamid= 0x${sid.toString(16)}`,
    `smmu_config_cache_inv Config cache INV for sid=0x${sid.toString(16)}`,
  ],
});
const range = (addr: bigint, pages: bigint, more = 'asid=3') =>
  `smmuv3_range_inval vmid=0 ${more} addr=0x${addr.toString(16)} tg=1 num_pages=0x${pages.toString(16)} ttl=3 leaf=1 stage=1`;

describe('the cross-check', () => {
  it('accepts lines that agree with the raw words', () => {
    const words: CommandWords[] = [
      encodeCommand('CFGI_STE_RANGE', { Range: 31n }),
      encodeCommand('CFGI_STE', { StreamID: 0x10n, Leaf: 1n }),
      encodeCommand('TLBI_NH_ASID', { ASID: 3n }),
      SYNC,
    ];
    const trace = traceOf(
      {
        name: 'CFGI_STE_RANGE',
        details: ['smmuv3_cmdq_cfgi_ste_range start=0x0 - end=0xffffffff'],
      },
      CFGI(0x10),
      {
        name: 'TLBI_NH_ASID',
        details: [
          'smmuv3_cmdq_tlbi_nh_asid asid=3',
          'smmu_iotlb_inv_asid_vmid IOTLB invalidate asid=3 vmid=0',
        ],
      },
      { name: 'SYNC' },
    );
    expect(crossCheck(trace, words)).toEqual({ commands: 4, findings: [] });
  });

  it('names line, command and field of each disagreement', () => {
    const { findings } = crossCheck(traceOf(CFGI(0x18)), [
      encodeCommand('CFGI_STE', { StreamID: 0x10n }),
    ]);
    expect(findings).toEqual([
      { line: 3, command: 0, field: 'sid', text: '0x18', raw: '0x10' },
      { line: 4, command: 0, field: 'sid', text: '0x18', raw: '0x10' },
    ]);
  });

  it('finds another opcode, and lines that opcode cannot have', () => {
    const { findings } = crossCheck(traceOf(CFGI(0)), [SYNC]);
    expect(findings.map(({ field, raw }) => [field, raw])).toEqual([
      ['opcode', 'SYNC'],
      ['sid', 'the command has no such field'],
      ['sid', 'the command has no such field'],
    ]);
  });

  it('finds commands that only one side has', () => {
    expect(crossCheck(traceOf({ name: 'SYNC' }), [SYNC, SYNC])).toMatchObject({
      commands: 2,
      findings: [{ command: 1, field: 'command', text: 'nothing', raw: 'SYNC' }],
    });
    expect(crossCheck(traceOf({ name: 'SYNC' }, { name: 'SYNC' }), [SYNC])).toMatchObject({
      commands: 2,
      findings: [{ command: 1, field: 'command', text: 'SYNC', raw: 'nothing' }],
    });
  });

  it('finds a queue pointer that is not the command’s index', () => {
    const trace = parseTrace(
      'smmuv3_cmdq_consume prod=2 cons=1 prod.wrap=0 cons.wrap=0\nsmmuv3_cmdq_opcode <--- SMMU_CMD_SYNC\n',
    );
    expect(crossCheck(trace, [SYNC]).findings).toMatchObject([
      { field: 'cons', text: '0x1', raw: '0x0' },
    ]);
  });

  it('follows the queue around its ring', () => {
    const base = 'smmuv3_write_mmio addr: 0x90 val:0x44000000 size: 0x8(0)\n';
    const sync = (cons: number, wrap: number) =>
      `smmuv3_cmdq_consume prod=0 cons=${cons} prod.wrap=0 cons.wrap=${wrap}\nsmmuv3_cmdq_opcode <--- SMMU_CMD_SYNC\n`;
    const trace = parseTrace(`${base}${sync(0, 0)}${sync(0, 1)}${sync(0, 0)}`);
    expect(crossCheck(trace, [SYNC, SYNC, SYNC]).findings).toEqual([]);
  });

  const tlbi = (pages: { NUM: bigint; SCALE: bigint }) =>
    encodeCommand('TLBI_NH_VA', {
      ASID: 3n,
      Leaf: 1n,
      TTL: 3n,
      TG: 1n,
      Address: 0x10000n,
      ...pages,
    });

  it('accepts any split of a range whose pieces cover it exactly', () => {
    const arbitrary = fc
      .record({ NUM: fc.bigInt(0n, 31n), SCALE: fc.bigInt(0n, 4n) })
      .chain((pages) => {
        const total = (pages.NUM + 1n) << pages.SCALE;
        return fc
          .array(fc.bigInt(1n, total), { maxLength: 4 })
          .map((cuts) => ({ pages, total, cuts: [...new Set([0n, ...cuts, total])] }));
      });
    fc.assert(
      fc.property(arbitrary, ({ pages, cuts }) => {
        const edges = cuts.sort((a, b) => (a < b ? -1 : 1));
        const details = edges
          .slice(1)
          .map((end, i) => range(0x10000n + ((edges[i] ?? 0n) << 12n), end - (edges[i] ?? 0n)));
        const { findings } = crossCheck(traceOf({ name: 'TLBI_NH_VA', details }), [tlbi(pages)]);
        expect(findings).toEqual([]);
      }),
    );
  });

  it.each([
    ['a page too few', [range(0x10000n, 2n)], 'num_pages'],
    ['a page too many', [range(0x10000n, 4n)], 'num_pages'],
    ['a gap', [range(0x10000n, 1n), range(0x12000n, 2n)], 'addr'],
    ['no piece at all', [], 'num_pages'],
    ['another ASID', [range(0x10000n, 3n, 'asid=4')], 'asid'],
    ['an ASID that is not shown', [range(0x10000n, 3n, 'asid=-1')], 'asid'],
  ])('finds %s', (_, details, field) => {
    const { findings } = crossCheck(traceOf({ name: 'TLBI_NH_VA', details }), [
      tlbi({ NUM: 2n, SCALE: 0n }),
    ]);
    expect(findings.map((finding) => finding.field)).toEqual([field]);
  });

  it('takes a TLBI with TG = 0 for one page of any size', () => {
    const words = encodeCommand('TLBI_NH_VA', { ASID: 3n, Address: 0x10000n });
    const details = [
      'smmuv3_range_inval vmid=0 asid=3 addr=0x10000 tg=0 num_pages=0x1 ttl=0 leaf=0 stage=1',
    ];
    expect(crossCheck(traceOf({ name: 'TLBI_NH_VA', details }), [words]).findings).toEqual([]);
  });

  it('does not compare a VMID that QEMU does not consider', () => {
    const words = encodeCommand('TLBI_NH_ASID', { ASID: 3n, VMID: 9n });
    const details = ['smmu_iotlb_inv_asid_vmid IOTLB invalidate asid=3 vmid=-1'];
    expect(crossCheck(traceOf({ name: 'TLBI_NH_ASID', details }), [words]).findings).toEqual([]);
  });
});
