import { encodeCommand } from '@steward/smmu';
import type { CachedEntry, ChangedWord, StalenessWatcher } from '@steward/smmu';
import { CoherenceChecker } from './coherence-checker';
import type { Finding, Moment } from './findings';

const LEAF: CachedEntry = {
  ...{ cache: 'TLB', stage: 'nested', world: 0, vmid: 1, asid: 1, address: 0x1000, half: 0 },
  ...{ sizeLog2: 12, level: 3, output: 0x8000_0000 },
};
const OTHER: CachedEntry = { ...LEAF, stage: 'stage 2' };
const CD: CachedEntry = { cache: 'CD', streamId: 8, substreamId: 0 };
const HOST_WORD: ChangedWord = { pa: 0x4000_0000, word: 'descriptor', why: 'changed' };
const GUEST_WORD: ChangedWord = { pa: 0x8000_0000, word: 'descriptor', why: 'changed' };
const SYNC = encodeCommand('SYNC');
const NH_ALL = encodeCommand('TLBI_NH_ALL', { VMID: 1n });

/** A checker of one SMMU, whose events are played by hand. */
class Play {
  readonly checker = new CoherenceChecker();
  readonly caches: StalenessWatcher = this.checker.watch('smmu0');
  private position = 0;

  constructor() {
    this.checker.assign({ base: 0x8000_0000, size: 0x1000_0000, vm: 'g0' });
  }

  /** One commit of one event, in which this happens; what there is to say of it. */
  event(name: Moment['event'], happens: () => void): Finding[] {
    this.checker.begin({ position: ++this.position, index: 0, event: name });
    happens();
    this.checker.end();
    return this.checker.take();
  }
}

describe('the coherence checker', () => {
  it('says nothing of what a host changes, invalidates and synchronises in one event', () => {
    const play = new Play();
    const findings = play.event('IoasUnmapped', () => {
      play.caches.wordDiffers(7, LEAF, HOST_WORD);
      play.caches.staleRemoved(7);
      play.checker.consumed('smmu0', NH_ALL);
      play.checker.consumed('smmu0', SYNC);
    });
    expect(findings).toEqual([]);
    expect(play.checker.totals()).toMatchObject({ hostWindows: 0, uses: 0, notSynced: 0 });
  });

  it('holds a host to what it leaves cached at the end of the event, and follows it to its end', () => {
    const play = new Play();
    const opened = { position: 1, index: 0, event: 'IoasUnmapped' };
    expect(
      play.event('IoasUnmapped', () => {
        play.caches.wordDiffers(6, OTHER, HOST_WORD);
        play.caches.wordDiffers(7, LEAF, HOST_WORD);
        play.caches.staleRemoved(6);
        play.checker.consumed('smmu0', SYNC);
      }),
    ).toMatchObject([
      {
        kind: 'violation',
        violation: {
          ...{ rule: 'not-invalidated', at: opened, smmu: 'smmu0' },
          window: { owner: { kind: 'host' }, entries: 2, examples: [{ entry: OTHER }, {}] },
          left: { count: 1, entries: [{ entry: LEAF }] },
        },
      },
    ]);
    expect(
      play.event('DmaPerformed', () => {
        play.checker.accessing({ device: 'nic', iova: 0x1008n, write: true });
        play.caches.staleUsed(7);
        play.caches.staleUsed(7);
      }),
    ).toMatchObject([
      { kind: 'use', use: { at: { position: 2 }, opened, device: 'nic', iova: 0x1008n } },
    ]);
    expect(
      play.event('DeviceDetached', () => {
        play.caches.staleRemoved(7);
        play.checker.consumed('smmu0', NH_ALL);
        play.checker.consumed('smmu0', SYNC);
      }),
    ).toMatchObject([
      { kind: 'window', window: { opened, closed: { position: 3, by: NH_ALL }, uses: 1 } },
    ]);
    expect(play.checker.totals()).toMatchObject({ hostWindows: 1, guestWindows: 0, uses: 1 });
  });

  it('leaves a guest its time: its window is reported when it closes', () => {
    const play = new Play();
    const change = (): void => play.caches.wordDiffers(7, LEAF, GUEST_WORD);
    expect(play.event('GuestMemoryWritten', change)).toEqual([]);
    expect(play.checker.totals()).toMatchObject({ guestWindows: 1, guestWindowsOpen: 1 });
    const closing = play.event('GuestInvalidationsForwarded', () => {
      play.caches.staleRemoved(7);
      play.checker.consumed('smmu0', NH_ALL);
      play.checker.consumed('smmu0', SYNC);
    });
    expect(closing).toMatchObject([
      { kind: 'window', window: { owner: { kind: 'guest', vm: 'g0' }, closed: { by: NH_ALL } } },
    ]);
    expect(play.checker.totals()).toMatchObject({ hostWindows: 0, guestWindowsOpen: 0 });
  });

  it('takes a window for open that an event closes and opens again', () => {
    for (const word of [HOST_WORD, GUEST_WORD]) {
      const play = new Play();
      play.event('IoasUnmapped', () => {
        play.caches.wordDiffers(7, LEAF, word);
        play.caches.staleRemoved(7);
        play.checker.consumed('smmu0', NH_ALL);
        play.caches.wordDiffers(8, LEAF, word);
        play.checker.consumed('smmu0', SYNC);
      });
      const [open] = play.checker.open();
      expect(open).toMatchObject({ entries: 2, opened: { position: 1 } });
      expect(open!.closed).toBeUndefined();
    }
  });

  it('sees a host’s change of an entry that a guest had made stale before', () => {
    const play = new Play();
    play.event('GuestMemoryWritten', () => play.caches.wordDiffers(7, LEAF, GUEST_WORD));
    const findings = play.event('IoasUnmapped', () => play.caches.wordDiffers(7, LEAF, HOST_WORD));
    expect(findings).toMatchObject([{ kind: 'violation' }]);
  });

  it('holds nobody to words that are back at their old values', () => {
    const play = new Play();
    const findings = play.event('IoasUnmapped', () => {
      play.caches.wordDiffers(7, LEAF, HOST_WORD);
      play.caches.wordDiffers(7, LEAF, { ...HOST_WORD, pa: 0x4000_0008 });
      play.caches.wordAgrees(7, 0x4000_0000);
      play.caches.wordAgrees(7, 0x4000_0008);
    });
    expect(findings).toEqual([]);
  });

  it('holds a host to flush the tag that its last user leaves', () => {
    const left = { 7: 3, 9: 0 } as Readonly<Record<number, number>>;
    const play = new Play();
    play.checker.follow({ hardware: () => ({ cachedUnder: (vmid) => left[vmid] ?? 0 }) });
    const findings = play.event('DeviceDetached', () => {
      for (const id of [7, 9]) play.checker.tagIdle({ smmu: 'smmu0', kind: 'vmid', id });
    });
    expect(findings).toMatchObject([
      { violation: { rule: 'tag-not-flushed', tag: { kind: 'vmid', id: 7, entries: 3 } } },
    ]);
  });

  it('counts an invalidation only with the CMD_SYNC behind it', () => {
    const play = new Play();
    const findings = play.event('IoasUnmapped', () => {
      play.caches.wordDiffers(7, LEAF, HOST_WORD);
      play.checker.consumed('smmu0', SYNC);
      play.caches.staleRemoved(7);
      play.checker.consumed('smmu0', NH_ALL);
    });
    expect(findings).toMatchObject([
      { kind: 'violation', violation: { rule: 'not-synced', command: NH_ALL } },
    ]);
    expect(play.checker.totals()).toMatchObject({ hostWindows: 0, notSynced: 1 });
  });

  it('takes a CD that stage 2 has moved away from for latent: Linux leaves it', () => {
    const play = new Play();
    const findings = play.event('IoasUnmapped', () => {
      play.caches.wordDiffers('CD 8 0', CD, HOST_WORD);
      play.caches.wordDiffers(7, LEAF, HOST_WORD);
      play.caches.staleRemoved(7);
      play.checker.consumed('smmu0', NH_ALL);
      play.checker.consumed('smmu0', SYNC);
    });
    expect(findings).toEqual([]);
    expect(play.checker.totals()).toMatchObject({ hostWindows: 0, latentWindows: 1 });
  });

  it('does not take a CD of the host’s own for latent', () => {
    const play = new Play();
    const structure: ChangedWord = { ...HOST_WORD, word: 'structure' };
    const findings = play.event('DeviceDetached', () =>
      play.caches.wordDiffers('CD 8 0', CD, structure),
    );
    expect(findings).toMatchObject([{ kind: 'violation' }]);
  });

  it('holds a host driver to what a guest asked for, and the VMM to what it did not hand on', () => {
    for (const by of ['host driver', 'VMM'] as const) {
      const play = new Play();
      play.event('GuestMemoryWritten', () => play.caches.wordDiffers(7, LEAF, GUEST_WORD));
      const target = { vm: 'g0', smmu: 'smmu0', vmid: 1, streamIdOf: () => undefined };
      const other = encodeCommand('TLBI_NH_VA', { ASID: 1n, Address: 0x2000n, Leaf: 1n });
      const right = encodeCommand('TLBI_NH_VA', { ASID: 1n, Address: 0x1000n, Leaf: 1n });
      const ask = (commands: (typeof right)[]): Finding[] =>
        play.event('GuestCommandsCompleted', () => play.checker.asked({ by, target, commands }));
      expect(ask([other])).toEqual([]);
      expect(ask([other, right])).toMatchObject([
        {
          violation: {
            ...{ rule: 'not-carried-out', by, command: right },
            left: { count: 1, entries: [{ entry: LEAF }] },
          },
        },
      ]);
      expect(ask([right])).toEqual([]);
    }
  });

  it('does not hold anybody to an entry that was made anew, stale, behind the invalidation', () => {
    const play = new Play();
    const atc: CachedEntry = { cache: 'ATC', streamId: 8, address: 0x1000n, sizeLog2: 12 };
    play.event('GuestMemoryWritten', () => {
      play.caches.wordDiffers(7, LEAF, GUEST_WORD);
      play.caches.wordDiffers('ATC', atc, GUEST_WORD);
    });
    const target = { vm: 'g0', smmu: 'smmu0', vmid: 1, streamIdOf: () => 8 };
    const commands = [encodeCommand('ATC_INV', { StreamID: 1n, Size: 52n })];
    const findings = play.event('GuestInvalidationsForwarded', () => {
      play.checker.asked({ by: 'host driver', target, commands });
      play.caches.staleRemoved('ATC');
      play.caches.wordDiffers('ATC', atc, { ...GUEST_WORD, from: 7 });
    });
    expect(findings).toEqual([]);
  });

  it('puts an entry that was made through a stale one into the window of that one', () => {
    const play = new Play();
    play.event('GuestMemoryWritten', () => play.caches.wordDiffers(7, LEAF, GUEST_WORD));
    play.event('DmaPerformed', () =>
      play.caches.wordDiffers(8, LEAF, { ...GUEST_WORD, pa: 0x8000_0000, from: 7 }),
    );
    const [closing] = play.event('GuestInvalidationsForwarded', () => {
      play.caches.staleRemoved(7);
      play.caches.staleRemoved(8);
    });
    expect(closing).toMatchObject({ window: { opened: { position: 1 }, entries: 2 } });
  });
});
