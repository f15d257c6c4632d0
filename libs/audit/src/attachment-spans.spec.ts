import { bytesOf, toStored } from '@steward/domain';
import type { DomainEvent } from '@steward/domain';
import type {
  Attachments,
  AttachmentSpan,
  Attempt,
  Attempts,
  JsonObject,
  StoredCommit,
} from '@steward/ledger';
import { AttachmentSpans } from './attachment-spans';

/** The attachments table as two calls see it. */
function table() {
  const spans: AttachmentSpan[] = [];
  const attempts: Attempt[] = [];
  const attachments: Pick<Attachments, 'begin' | 'end'> = {
    begin(span) {
      const open = { toPosition: null, toAt: null, endedBy: null };
      return spans.push({ ...span, ...open, spanId: spans.length + 1 });
    },
    end(device, end, pasid = null) {
      const at = spans.findIndex(
        (s) => s.device === device && s.pasid === pasid && s.toPosition === null,
      );
      if (at < 0) return false;
      spans[at] = { ...spans[at]!, ...end };
      return true;
    },
  };
  const refused: Pick<Attempts, 'record'> = { record: (attempt) => void attempts.push(attempt) };
  const tables = { attachments: attachments as Attachments, attempts: refused as Attempts };
  return { spans, attempts, tables };
}

function commit(position: number, ...events: DomainEvent[]): StoredCommit {
  return {
    position,
    host: 'h',
    at: `2026-01-01T00:00:0${position}.000Z`,
    actor: 'ann',
    commandId: `c${position}`,
    command: {},
    outcome: { ok: true },
    prevHash: '',
    hash: '',
    events: events.map((event, idx) => {
      const { payload, ...stored } = toStored(event);
      const rest = { position, idx, stream: 'device/d', version: position, schema: 1 };
      return { ...stored, ...rest, payload: payload as JsonObject };
    }),
  };
}

const added: DomainEvent = {
  type: 'DeviceAdded',
  device: 'd',
  host: 'h',
  smmu: 's',
  streamIds: [8],
  canwbs: true,
  ats: false,
};
const bound: DomainEvent = { type: 'DeviceBound', device: 'd', vm: 'v' };
const target = { kind: 'nested-domain', id: 'n' } as const;
const attached: DomainEvent = {
  type: 'DeviceAttached',
  device: 'd',
  target,
  parent: 'p',
  vmid: 3,
  vste: ['0xb', '0x0'],
};
const detached: DomainEvent = { type: 'DeviceDetached', device: 'd', from: target };
const history = [commit(1, added), commit(2, bound), commit(3, attached), commit(4, detached)];
const ste = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n];

describe('AttachmentSpans', () => {
  it('keeps a device in exactly one span at every position, each ending where the next begins', () => {
    const { spans, tables } = table();
    const projection = new AttachmentSpans(tables);
    for (const c of history) projection.project(c, () => ste);
    expect(spans.map((s) => [s.kind, s.vm, s.fromPosition, s.toPosition])).toEqual([
      ['blocked', null, 1, 2],
      ['blocked', 'v', 2, 3],
      ['nested-domain', 'v', 3, 4],
      ['blocked', 'v', 4, null],
    ]);
  });

  it('says who attached what, with the vSTE as accepted and the STE in force', () => {
    const { spans, tables } = table();
    const projection = new AttachmentSpans(tables);
    for (const c of history) projection.project(c, () => ste);
    expect(spans[2]).toMatchObject({
      domain: 'n',
      vmid: 3,
      vste0: '0x000000000000000b',
      vste1: '0x0000000000000000',
      actor: 'ann',
      beganBy: 'c3',
      endedBy: 'c4',
      fromAt: '2026-01-01T00:00:03.000Z',
      toAt: '2026-01-01T00:00:04.000Z',
    });
    expect(spans[2]?.ste?.[7]).toBe('0x0000000000000008');
    expect(spans[3]).toMatchObject({ domain: null, vmid: null, vste0: null, vste1: null });
  });

  it('knows the VM of a device that an earlier run bound, and writes nothing while it recalls', () => {
    const { spans, tables } = table();
    const projection = new AttachmentSpans(tables);
    projection.recall(commit(1, added), () => ste);
    projection.recall(commit(2, bound), () => [9n]);
    expect(spans).toEqual([]);
    projection.project(commit(3, attached), () => ste);
    expect(spans).toMatchObject([
      { vm: 'v', kind: 'nested-domain', steBefore: ['0x0000000000000009'] },
    ]);
  });

  it('shows each STE that stood in memory on the way, and the one before', () => {
    const { spans, tables } = table();
    const projection = new AttachmentSpans(tables);
    projection.project(history[0]!, () => [1n]);
    const atSync = (smmu: string, streamId: number, word: bigint) => ({
      kind: 'ste-at-sync',
      payload: { smmu, streamId },
      words: bytesOf(BigUint64Array.of(word)),
    });
    const effects = [
      atSync('s', 8, 5n),
      atSync('s', 9, 6n),
      atSync('other', 8, 7n),
      atSync('s', 8, 8n),
    ];
    projection.project(commit(2, bound), () => [8n, 1n << 28n], effects);
    expect(spans[1]).toMatchObject({
      steBefore: ['0x0000000000000001'],
      stesAtSync: [['0x0000000000000005'], ['0x0000000000000008']],
      ste: ['0x0000000000000008', '0x0000000010000000'],
      ats: true,
    });
  });

  it('names parent, vSMMU and ASID where there is one', () => {
    const { spans, tables } = table();
    const projection = new AttachmentSpans(tables);
    const vdevice: DomainEvent = { type: 'VdeviceAllocated', vsmmu: 'vs', device: 'd', vsid: 1 };
    const s1: DomainEvent = {
      ...{ type: 'S1DomainAllocated', domain: 's1', vm: 'v', ioas: 'i', smmu: 's' },
      ...{ asid: 9, automatic: false },
    };
    const onS1: DomainEvent = {
      ...{ type: 'DeviceAttached', device: 'd' },
      target: { kind: 's1-domain', id: 's1' },
    };
    const owned = { ...added, dmaAsid: 4 };
    for (const c of [
      commit(1, owned),
      commit(2, bound, vdevice),
      commit(3, attached),
      commit(4, s1, onS1),
    ]) {
      projection.project(c, () => ste);
    }
    expect(spans.map(({ parent, vsmmu, asid }) => [parent, vsmmu, asid])).toEqual([
      [null, null, 4],
      [null, null, null],
      ['p', 'vs', null],
      [null, 'vs', 9],
    ]);
  });

  it('keeps spans of PASIDs beside those of their device', () => {
    const { spans, tables } = table();
    const projection = new AttachmentSpans(tables);
    const s1: DomainEvent = {
      ...{ type: 'S1DomainAllocated', domain: 's1', vm: 'v', ioas: 'i', smmu: 's' },
      ...{ asid: 9, automatic: false },
    };
    const pasid = { device: 'd', pasid: 5, domain: 's1' };
    const on: DomainEvent = {
      ...{ type: 'DevicePasidAttached', ...pasid },
      holder: { kind: 's1-domain', id: 's1' },
    } as never;
    const off: DomainEvent = { type: 'DevicePasidDetached', ...pasid };
    for (const c of [commit(1, added), commit(2, bound), commit(3, s1, on), commit(4, off)]) {
      projection.project(c, () => ste);
    }
    projection.project(commit(5, detached), () => ste);
    expect(spans.map((s) => [s.pasid, s.kind, s.asid, s.fromPosition, s.toPosition])).toEqual([
      [null, 'blocked', null, 1, 2],
      [null, 'blocked', null, 2, 5],
      [5, 's1-domain', 9, 3, 4],
      [null, 'blocked', null, 5, null],
    ]);
  });

  it('records refused commands that name a device', () => {
    const { spans, attempts, tables } = table();
    const refusal = { ok: false, errno: 'EBUSY', code: 'x', reason: 'it is' } as const;
    const refused = { ...commit(1), outcome: refusal };
    const projection = new AttachmentSpans(tables);
    projection.project({ ...refused, command: { type: 'AttachDevice', device: 'd' } }, () => ste);
    projection.project({ ...refused, command: { type: 'FreeIoas', ioas: 'i' } }, () => ste);
    expect(attempts).toMatchObject([{ position: 1, device: 'd', errno: 'EBUSY', commandId: 'c1' }]);
    expect(spans).toEqual([]);
  });

  it('takes no notice of anything else', () => {
    const { spans, tables } = table();
    const other = commit(1, { type: 'HostSmmuListed', smmu: 's' });
    new AttachmentSpans(tables).project(other, () => ste);
    expect(spans).toEqual([]);
  });
});
