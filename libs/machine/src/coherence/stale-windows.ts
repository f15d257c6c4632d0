import type {
  CachedEntry,
  ChangedWord,
  CommandWords,
  EntryKey,
  StalenessWatcher,
} from '@steward/smmu';
import { asksFor, type GuestTarget } from './guest-requests';
import type { Moment, Owner, StaleEntry, StaleWindow } from './findings';

const EXAMPLES = 8;

/** A window while it is kept. */
export class OpenWindow {
  /** Entries that are stale because of this window, now. */
  remaining = 0;
  entries = 0;
  uses = 0;
  /** Serial of the last access that used an entry. */
  lastUse = -1;
  closed: Moment | undefined;
  closedBy: CommandWords | undefined;
  readonly examples: StaleEntry[] = [];

  constructor(
    readonly smmu: string,
    readonly owner: Owner,
    readonly opened: Moment,
    readonly latent: boolean,
  ) {}

  add(entry: StaleEntry): void {
    this.remaining++;
    this.entries++;
    if (this.examples.length < EXAMPLES) this.examples.push(entry);
  }

  report(): StaleWindow {
    const { smmu, owner, opened, entries, examples, uses, latent, closed } = this;
    const window = { smmu, owner, opened, entries, examples: [...examples], uses, latent };
    if (closed === undefined) return window;
    const { closedBy: by } = this;
    return { ...window, closed: by === undefined ? closed : { ...closed, by } };
  }
}

/** One window's hold on a stale entry: the words of its owner that differ. */
interface Hold {
  readonly window: OpenWindow;
  readonly example: StaleEntry;
  readonly words: Set<number>;
  /** The event in which the entry became stale, or was made so. */
  readonly since: Moment;
  /** Somebody was already held to it that it is still here. */
  blamed: boolean;
}

/** What the windows of an SMMU need to know of the moment, and whom they tell. */
export interface WindowContext {
  /** The event that is being applied. */
  readonly now: Moment;
  /** Whose memory a physical address is. */
  ownerOf(pa: number): Owner;
  opened(window: OpenWindow): void;
  closed(window: OpenWindow): void;
  /** A window that closed in the event at hand is open again. */
  reopened(window: OpenWindow): void;
  used(window: OpenWindow, entry: StaleEntry): void;
}

/**
 * The stale entries of one SMMU, grouped into windows: all entries that one event made stale through
 * words of one owner are one window, latent ones apart. An entry may be in several.
 */
export class StaleWindows implements StalenessWatcher {
  private readonly holds = new Map<EntryKey, Hold[]>();
  /** Windows that the event at hand opened. */
  private fresh: OpenWindow[] = [];
  private freshOf: Moment | undefined;
  /** Windows that the command at hand closed. */
  private closing: OpenWindow[] = [];

  constructor(
    private readonly smmu: string,
    private readonly context: WindowContext,
  ) {}

  /** The SMMU has consumed a command: what went since the last, went by it. */
  consumed(words: CommandWords): void {
    for (const window of this.closing) window.closedBy = words;
    this.closing = [];
  }

  /**
   * Entries that are stale by words of a VM's and that one of these commands of its names; each is
   * told of once. Not one that became stale, or was made so through another, since the guest queued
   * them: it may have come behind the command.
   * @param queued position of the commit in which the guest did.
   */
  *unheeded(
    target: GuestTarget,
    commands: readonly CommandWords[],
    queued: number,
  ): Generator<{ window: OpenWindow; entry: StaleEntry; command: CommandWords }> {
    for (const holds of this.holds.values()) {
      for (const hold of holds) {
        const { owner } = hold.window;
        if (hold.blamed || hold.since.position >= queued) continue;
        if (owner.kind !== 'guest' || owner.vm !== target.vm) continue;
        const { example: entry, window } = hold;
        const command = commands.find((words) => asksFor(words, entry.entry, target));
        if (command === undefined) continue;
        hold.blamed = true;
        yield { window, entry, command };
      }
    }
  }

  /** Some of the entries that are stale because of a window, now. */
  left(window: OpenWindow): StaleEntry[] {
    const entries: StaleEntry[] = [];
    for (const holds of this.holds.values()) {
      const hold = holds.find((one) => one.window === window);
      if (hold !== undefined) entries.push(hold.example);
      if (entries.length === EXAMPLES) break;
    }
    return entries;
  }

  wordDiffers(key: EntryKey, entry: CachedEntry, word: ChangedWord): void {
    const owner = this.context.ownerOf(word.pa);
    const holds = this.holdsOf(key);
    const latent = isLatent(entry, word);
    const held = holds.find(({ window }) => matches(window, owner, latent));
    if (held !== undefined) {
      held.words.add(word.pa);
      return;
    }
    const example: StaleEntry = { entry, pa: word.pa, word: word.word, why: word.why };
    const window = this.inherited(word.from, owner, latent) ?? this.windowOf(owner, latent);
    if (window.closed !== undefined) this.reopen(window);
    window.add(example);
    holds.push({
      window,
      example,
      words: new Set([word.pa]),
      since: this.context.now,
      blamed: false,
    });
  }

  wordAgrees(key: EntryKey, pa: number): void {
    const holds = this.holdsOf(key);
    const at = holds.findIndex(({ words }) => words.delete(pa));
    const hold = holds[at];
    if (hold === undefined || hold.words.size > 0) return;
    holds.splice(at, 1);
    if (holds.length === 0) this.holds.delete(key);
    this.release(hold);
  }

  staleRemoved(key: EntryKey): void {
    const holds = this.holdsOf(key);
    this.holds.delete(key);
    for (const hold of holds) this.release(hold);
  }

  staleUsed(key: EntryKey): void {
    for (const { window, example } of this.holdsOf(key)) this.context.used(window, example);
  }

  private holdsOf(key: EntryKey): Hold[] {
    let holds = this.holds.get(key);
    if (holds === undefined) this.holds.set(key, (holds = []));
    return holds;
  }

  /** An entry made through a stale one belongs to the window of that one. */
  private inherited(
    from: EntryKey | undefined,
    owner: Owner,
    latent: boolean,
  ): OpenWindow | undefined {
    if (from === undefined) return undefined;
    const holds = this.holds.get(from);
    return holds?.find(({ window }) => matches(window, owner, latent))?.window;
  }

  private windowOf(owner: Owner, latent: boolean): OpenWindow {
    const { now } = this.context;
    if (this.freshOf !== now) {
      this.fresh = [];
      this.freshOf = now;
    }
    const known = this.fresh.find((window) => matches(window, owner, latent));
    if (known !== undefined) return known;
    const window = new OpenWindow(this.smmu, owner, now, latent);
    this.fresh.push(window);
    this.context.opened(window);
    return window;
  }

  /** The event at hand goes on making entries stale after the first of them have gone. */
  private reopen(window: OpenWindow): void {
    window.closed = undefined;
    window.closedBy = undefined;
    this.closing = this.closing.filter((one) => one !== window);
    this.context.reopened(window);
  }

  private release({ window }: Hold): void {
    if (--window.remaining > 0) return;
    window.closed = this.context.now;
    this.closing.push(window);
    this.context.closed(window);
  }
}

function matches(window: OpenWindow, owner: Owner, latent: boolean): boolean {
  if (window.latent !== latent || window.owner.kind !== owner.kind) return false;
  return owner.kind === 'host' || (window.owner.kind === 'guest' && window.owner.vm === owner.vm);
}

/** A CD that was found by way of a stage-2 descriptor that changed. */
function isLatent(entry: CachedEntry, { word }: ChangedWord): boolean {
  return word === 'descriptor' && (entry.cache === 'CD' || entry.cache === 'L1CD');
}
