import { RecordedHost, GUEST_MEMORY, KERNEL_REGION } from './__fixtures__/host';
import { command, recordedSmmu } from './__fixtures__/recorded';

const IPA = 0x4000_0000;
const VSID = 0x80;
const ASID = 9n;
/** Guest pages, as offsets from the start of guest memory. */
const CD_TABLE = 0x1000;
const TABLES = [0x2000, 0x3000, 0x4000, 0x5000] as const;
const PAGE_A = 0x10_0000;
const PAGE_B = 0x10_2000;
/** A Linux guest's CD: 48-bit TTB0 of 4K pages, TTB1 off, 44-bit IPS, AArch64, record and abort. */
const CD_WORD0 = (ASID << 48n) | 0x0000_e204_c000_3510n;
const MAIR = 0xffff_ffff_f404_ff44n;

const RW = { read: true, write: true, mmio: false } as const;

/** A guest with one device: its CD, its stage-1 tables, and one page at VA 0x1000. */
class Guest {
  readonly host = new RecordedHost('A');

  constructor() {
    const { driver } = this.host;
    const ram = { iova: IPA, length: 0x40_0000, pa: GUEST_MEMORY.base };
    driver.map('s2', { ...ram, read: true, write: true, mmio: false });
    this.writeCd(true);
    for (const [i, table] of TABLES.slice(0, 3).entries()) {
      this.write(table, BigInt(IPA + TABLES[i + 1]!) | 3n);
    }
    this.mapPage(PAGE_A);
    const vste = [BigInt(IPA + CD_TABLE) | 0xbn, 0xd6n] as const;
    driver.attach('td0', { kind: 'nested', parent: 's2', vste, vsid: VSID });
    this.host.clear();
  }

  write(offset: number, word: bigint): void {
    this.host.memory.write64(GUEST_MEMORY.base + offset, word);
  }

  writeCd(valid: boolean): void {
    this.write(CD_TABLE, valid ? CD_WORD0 : CD_WORD0 & ~(1n << 31n));
    this.write(CD_TABLE + 8, BigInt(IPA + TABLES[0]));
    this.write(CD_TABLE + 24, MAIR);
  }

  /** VA 0x1000: readable, writable, unprivileged, not global. */
  mapPage(page: number): void {
    this.write(TABLES[3] + 8, BigInt(IPA + page) | 0x0000_0000_0000_0f43n);
  }

  invalidate(...lines: string[]): void {
    const streamIdOf = (vsid: number) => (vsid === VSID ? 0x10 : undefined);
    this.host.driver.invalidate('s2', streamIdOf, lines.map(command));
  }

  /** Where a DMA to VA 0x1004 ends, as an offset into guest memory, or what became of it. */
  dma(): number | string {
    const outcome = this.host.driver.access('td0', 0, { address: 0x1004n, write: true });
    return outcome.kind === 'ok' ? outcome.pa - GUEST_MEMORY.base - 4 : outcome.kind;
  }
}

describe('the driver over real tables', () => {
  it('lets a guest’s device reach what the guest maps, as long as the guest invalidates', () => {
    const guest = new Guest();
    expect(guest.dma()).toBe(PAGE_A);
    guest.mapPage(PAGE_B);
    expect(guest.dma()).toBe(PAGE_A);
    guest.invalidate('0008000000000012 0000000000001001');
    expect(guest.dma()).toBe(PAGE_A);
    guest.invalidate('0009000000000012 0000000000001001');
    expect(guest.dma()).toBe(PAGE_B);
  });

  it('hands a fault of the guest’s own making to the guest, under its vSID', () => {
    const guest = new Guest();
    expect(guest.dma()).toBe(PAGE_A);
    guest.writeCd(false);
    guest.invalidate('0000008000000005 0000000000000001');
    expect(guest.dma()).toBe('abort');
    const record = [(BigInt(VSID) << 32n) | 0x0an, 0n, 0n, 0n];
    expect(guest.host.shown.guestEvents).toEqual([
      { device: 'td0', vsid: VSID, parent: 's2', record },
    ]);
    expect(guest.host.shown.events).toEqual([[(0x10n << 32n) | 0x0an, 0n, 0n, 0n]]);
    guest.writeCd(true);
    guest.invalidate('0000008000000006 0000000000000000');
    expect(guest.dma()).toBe(PAGE_A);
  });

  it('lets nothing through that stage 2 no longer maps, and keeps that fault to the host', () => {
    const guest = new Guest();
    expect(guest.dma()).toBe(PAGE_A);
    guest.host.driver.unmap('s2', { iova: IPA, length: 0x40_0000 });
    expect(guest.dma()).toBe('abort');
    expect(guest.host.shown.events).toHaveLength(1);
    expect(guest.host.shown.guestEvents).toEqual([]);
  });

  it('stops a device that is blocked, without an event', () => {
    const guest = new Guest();
    expect(guest.dma()).toBe(PAGE_A);
    guest.host.attach('td0', 'blocked');
    expect(guest.dma()).toBe('abort');
    expect(guest.host.shown.events).toEqual([]);
  });

  it('leaves nothing cached of a parent that nobody uses, as unmaps of it tell no one', () => {
    const { driver, ...host } = new RecordedHost('A');
    const page = { iova: IPA, length: 0x1000, ...RW };
    const access = () => driver.access('td0', 0, { address: BigInt(IPA), write: true });
    driver.map('s2', { ...page, pa: GUEST_MEMORY.base });
    driver.attach('td0', { kind: 'parent', parent: 's2' });
    expect(access().kind).toBe('ok');
    driver.attach('td0', { kind: 'blocked' });
    host.shown.commands.length = 0;
    driver.unmap('s2', page);
    expect(host.shown.commands).toEqual([]);
    driver.attach('td0', { kind: 'parent', parent: 's2' });
    expect(access().kind).toBe('abort');
  });

  it('translates a device directly on the parent by stage 2 alone', () => {
    const guest = new Guest();
    guest.host.attach('td0', 'parent');
    const outcome = guest.host.driver.access('td0', 0, {
      address: BigInt(IPA + PAGE_A),
      write: false,
    });
    expect(outcome).toMatchObject({ kind: 'ok', pa: GUEST_MEMORY.base + PAGE_A });
  });

  it('reads more events than its queue holds, one access after the other', () => {
    const guest = new Guest();
    guest.writeCd(false);
    guest.invalidate('0000008000000005 0000000000000001');
    for (let i = 0; i < 5000; i++) guest.dma();
    expect(guest.host.shown.guestEvents).toHaveLength(5000);
    const hardware = guest.host.driver.hardware('smmu0');
    expect(hardware.readRegister('EVENTQ_CONS')).toBe(hardware.readRegister('EVENTQ_PROD'));
  });

  it('issues more commands than its queue holds', () => {
    const guest = new Guest();
    const many = Array.from({ length: 10_000 }, () => '0009000000000011 0000000000000000');
    guest.invalidate(...many);
    expect(guest.host.shown.commands).toHaveLength(10_000 + Math.ceil(10_000 / 63));
    expect(guest.dma()).toBe(PAGE_A);
  });
});

describe('the driver’s objects', () => {
  it('refuse a second one of the same name, and what is not there', () => {
    const { driver } = new RecordedHost('A');
    const device = { id: 'td0', smmu: 'smmu0', streamIds: [0x900], canwbs: true, ats: false };
    expect(() => driver.addDevice(device)).toThrow(/exists already/);
    expect(() => driver.addDevice({ ...device, id: 'x', streamIds: [0x10] })).toThrow(/td0/);
    expect(() => driver.addDevice({ ...device, id: 'x', streamIds: [0x1_0000] })).toThrow(
      /outside the stream table/,
    );
    expect(() => driver.addDevice({ ...device, id: 'x', smmu: 'no' })).toThrow(/no SMMU/);
    expect(() => driver.allocateParent({ id: 's2', smmu: 'smmu0', vmid: 2 })).toThrow(/already/);
    expect(() => driver.allocateParent({ id: 'x', smmu: 'smmu0', vmid: 0 })).toThrow(/VMID/);
    expect(() => driver.map('no', { ...{ iova: 0, length: 0x1000, pa: 0 }, ...RW })).toThrow(
      /no domain/,
    );
  });

  it('refuse to make a nest parent where the SMMU cannot serve one', () => {
    const { driver } = new RecordedHost('A');
    const { idr, ...smmu } = recordedSmmu('A');
    const [idr0, idr1, idr2, idr3, idr4, idr5] = idr;
    const only64K = [idr0, idr1, idr2, idr3, idr4, idr5 & ~0x30] as const;
    const stage1 = [idr0 & ~1, idr1, idr2, idr3, idr4, idr5] as const;
    driver.addSmmu({ ...smmu, id: 'large', idr: only64K });
    driver.addSmmu({ ...smmu, id: 'one', idr: stage1 });
    const make = (on: string) => () => driver.allocateParent({ id: on, smmu: on, vmid: 1 });
    expect(make('large')).toThrow(/4K/);
    expect(make('one')).toThrow(/nesting/);
  });

  it('keep a parent while a device uses it, and give all its memory back after', () => {
    const host = new RecordedHost('A');
    const used = (): number => {
      let words = 0;
      host.memory.forEachWord((pa) => (words += pa >= KERNEL_REGION.base ? 1 : 0));
      return words;
    };
    host.driver.map('s2', { iova: 0, length: 0x1000, pa: 0x5000, ...RW });
    host.attach('td0', 'parent');
    expect(() => host.driver.freeDomain('s2')).toThrow(/in use/);
    host.attach('td0', 'blocked');
    host.driver.freeDomain('s2');
    const before = used();
    host.driver.allocateParent({ id: 's2', smmu: 'smmu0', vmid: 1 });
    expect(used()).toBeLessThan(before);
  });
});
