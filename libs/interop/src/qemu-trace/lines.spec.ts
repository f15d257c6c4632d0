import { TRACE_EVENTS, type TraceEventName } from './events';
import { parseLine, parseTrace } from './lines';
import { TraceError } from './trace-error';

describe('the trace grammar', () => {
  it.each([
    [
      'smmuv3_write_mmio addr: 0x80 val:0x400000004452b000 size: 0x8(0)',
      { addr: 0x80, val: 0x400000004452b000n, size: 8, result: 0 },
    ],
    ['smmuv3_cmdq_cfgi_ste streamid= 0x10', { sid: 0x10 }],
    ['smmuv3_cmdq_opcode <--- SMMU_CMD_CFGI_STE_RANGE', { name: 'CFGI_STE_RANGE' }],
    ['smmuv3_cmdq_tlbi_nsnh ', {}],
    ['smmuv3_cmdq_tlbi_nsnh', {}],
    [
      'smmuv3_cmdq_consume_out prod:2, cons:2, prod_wrap:0, cons_wrap:0 ',
      { prod: 2, cons: 2, prodWrap: 0, consWrap: 0 },
    ],
    [
      'smmuv3_range_inval vmid=-1 asid=3 addr=0xffffc000 tg=1 num_pages=0x1 ttl=3 leaf=1 stage=1',
      { vmid: -1, asid: 3, addr: 0xffffc000n, tg: 1, pages: 1n, ttl: 3, leaf: 1, stage: 1 },
    ],
    [
      'smmuv3_translate_success smmuv3-iommu-memory-region-8-1 sid=0x8 iova=0xfffff040 translated=0x8090040 perm=0x3 stage=1',
      {
        region: 'smmuv3-iommu-memory-region-8-1',
        sid: 8,
        iova: 0xfffff040n,
        ipa: 0x8090040,
        perm: 3,
        stage: 1,
      },
    ],
  ])('reads %s', (row, fields) => {
    expect(parseLine(row, 1)).toMatchObject({ line: 1, fields });
  });

  it('refuses a line of every event whose form is not that event’s', () => {
    for (const event of Object.keys(TRACE_EVENTS) as TraceEventName[]) {
      expect(() => parseLine(`${event} @@ not this @@`, 3)).toThrow(
        new RegExp(`^line 3: expected ${event}`),
      );
    }
  });

  it('refuses an address that does not fit 53 bits where one is expected', () => {
    expect(() => parseLine('smmuv3_get_cd CD addr: 0xffffffffffffffff', 9)).toThrow(
      'line 9: addr = 0xffffffffffffffff is not below 2^53',
    );
  });

  it('gives the name of an event it does not know', () => {
    expect(parseLine('smmu_new_event something', 1)).toBe('smmu_new_event');
  });

  it.each(['', '{"guest": 1}', '\u001f\u008bgarbage'])('refuses %j as a line', (row) => {
    expect(() => parseLine(row, 4)).toThrow(/^line 4: expected the name of a trace event/);
  });

  it('refuses a line without bound', () => {
    expect(() => parseLine(`smmu_add_mr ${'x'.repeat(5000)}`, 1)).toThrow(/more than 4096/);
  });
});

describe('a trace', () => {
  it('counts lines, known events and the others by name', () => {
    const trace = parseTrace(
      'smmu_reset_exit \nvirtio_notify a\nvirtio_notify b\nsmmuv3_decode_cd oas=44\n',
    );
    expect(trace.total).toBe(4);
    expect(trace.lines.map(({ event, line }) => [event, line])).toEqual([
      ['smmu_reset_exit', 1],
      ['smmuv3_decode_cd', 4],
    ]);
    expect(trace.unknown).toEqual({ virtio_notify: 2 });
  });

  it('reads DOS line ends', () => {
    expect(parseTrace('smmuv3_decode_cd oas=44\r\n').lines).toHaveLength(1);
  });

  it('that ends inside a line is truncated, even where the part that is left would parse', () => {
    const cut = () => parseTrace('smmu_reset_exit \nsmmuv3_get_cd CD addr: 0x444');
    expect(cut).toThrow(TraceError);
    expect(cut).toThrow(/^line 2: .*truncated/);
  });

  it('is not empty', () => {
    expect(() => parseTrace('')).toThrow(TraceError);
  });
});
