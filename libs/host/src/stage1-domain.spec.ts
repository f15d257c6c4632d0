import { CD } from '@steward/smmu';
import { RecordedHost } from './__fixtures__/host';

/** The four devices with the kernel's own DMA domains, as at boot. */
class BootedHost extends RecordedHost {
  constructor(run = 'A') {
    super(run);
    const more = { smmu: 'smmu0', canwbs: true, dmaAsid: 4 };
    this.driver.addDevice({ id: 'booted', streamIds: [0x300], ats: run !== 'A', ...more });
    this.driver.allocateStage1({ id: 's1', smmu: 'smmu0', asid: 9 });
    this.clear();
  }
}

const names = (host: RecordedHost): string[] =>
  host.shown.commands.map((line) => line.slice(14, 16));

describe('a stage-1 domain of the kernel', () => {
  it('is claimed away from a device in the recorded order: STE, ASID, CD', () => {
    const host = new BootedHost();
    host.driver.attach('booted', { kind: 'blocked' });
    expect(names(host).join(' ')).toBe('03 46 03 46 01 11 46 05 46 05 46');
    expect(host.shown.commands[5]).toBe('0004000000000011 0000000000000000');
    expect(host.driver.physicalSte('booted')[0]).toBe(1n);
  });

  it('is given back with the CD first, and with ATS the ATC emptied last', () => {
    const host = new BootedHost('B');
    host.driver.attach('booted', { kind: 'blocked' });
    host.clear();
    host.driver.attach('booted', { kind: 'dma' });
    expect(names(host).join(' ')).toBe('05 46 05 46 03 46 03 46 01 40 46');
    expect(host.driver.physicalSte('booted')[1]).toBe(0x1000_00d6n);
  });

  it('replaces another by its CD alone, which is for a moment invalid', () => {
    const host = new BootedHost();
    host.driver.attach('booted', { kind: 'stage1', domain: 's1' });
    expect(names(host).join(' ')).toBe('05 46 05 46 05 46 01 11 46');
    expect(host.shown.steAtSync).toEqual([]);
  });

  it('keeps its CD under a nested STE and loses it under a stage-2 one', () => {
    const host = new BootedHost();
    const table = Number(host.driver.physicalSte('booted')[0]! & 0xffff_ffff_ffc0n);
    const valid = (): bigint => CD.get([host.memory.read64(table)], 'V');
    const bypass = { kind: 'nested', parent: 's2', vste: [9n, 0n] } as const;
    host.driver.attach('booted', bypass);
    expect(valid()).toBe(1n);
    host.driver.attach('booted', { kind: 'parent', parent: 's2' });
    expect(valid()).toBe(0n);
  });

  it('translates its devices and forgets what it unmaps, named by ASID', () => {
    const host = new BootedHost();
    host.driver.attach('booted', { kind: 'stage1', domain: 's1' });
    const page = { iova: 0x8000_0000, length: 0x1000 };
    const pa = 0x2_0000_3000;
    host.driver.map('s1', { ...page, pa, read: true, write: true, mmio: false });
    const access = { address: 0x8000_0010n, write: true };
    expect(host.driver.access('booted', 0, access)).toMatchObject({ kind: 'ok', pa: pa + 0x10 });
    host.clear();
    host.driver.unmap('s1', page);
    expect(host.shown.commands[0]).toMatch(/^0009000000\w{4}12 /);
    expect(host.driver.access('booted', 0, access).kind).toBe('abort');
  });

  it('is read-only where the mapping is', () => {
    const host = new BootedHost();
    host.driver.attach('booted', { kind: 'stage1', domain: 's1' });
    const page = { iova: 0x1000, length: 0x1000, pa: 0x2_0000_0000, mmio: false };
    host.driver.map('s1', { ...page, read: true, write: false });
    expect(host.driver.access('booted', 0, { address: 0x1000n, write: false }).kind).toBe('ok');
    expect(host.driver.access('booted', 0, { address: 0x1000n, write: true }).kind).toBe('abort');
  });

  it('needs a stage 1 and an ASID, and is no nest parent', () => {
    const { driver } = new BootedHost();
    const make = (asid: number) => () => driver.allocateStage1({ id: 'x', smmu: 'smmu0', asid });
    expect(make(0)).toThrow(/ASID/);
    expect(make(2 ** 16)).toThrow(/ASID/);
    expect(() => driver.attach('booted', { kind: 'parent', parent: 's1' })).toThrow(/nest parent/);
    expect(() => driver.attach('booted', { kind: 'stage1', domain: 's2' })).toThrow(/stage-1/);
  });
});
