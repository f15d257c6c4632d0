import { COMMANDS, commandName, type CommandWords } from '@steward/smmu';
import type { Moment } from './moments';

/** Which cached entries of which StreamIDs a command makes the SMMU fetch again (IHI 0070 §4.3). */
export interface Announcement {
  readonly first: number;
  readonly last: number;
  readonly ste: boolean;
  readonly cd: boolean;
  /** The command names one StreamID, so its stream table entry exists in the guest's mind. */
  readonly single: boolean;
}

/** What a command announces, or undefined for a command that is not about configuration. */
export function announcementOf(words: CommandWords): Announcement | undefined {
  const name = commandName(words);
  switch (name) {
    case 'CFGI_STE':
    case 'CFGI_CD':
    case 'CFGI_CD_ALL': {
      const sid = Number(COMMANDS[name].layout.get(words, 'StreamID'));
      const ste = name === 'CFGI_STE';
      return { first: sid, last: sid, ste, cd: !ste, single: true };
    }
    case 'CFGI_STE_RANGE': {
      const count = 2 ** (Number(COMMANDS[name].layout.get(words, 'Range')) + 1);
      const sid = Number(COMMANDS[name].layout.get(words, 'StreamID'));
      const first = Math.floor(sid / count) * count;
      return { first, last: first + count - 1, ste: true, cd: true, single: false };
    }
    default:
      return undefined;
  }
}

/** Moments at which one StreamID's entries were announced, ascending. */
export interface StreamAnnouncements {
  readonly ste: readonly number[];
  readonly cd: readonly number[];
}

/** The announcements of `vsid` in the timeline. */
export function announcementsOf(moments: readonly Moment[], vsid: number): StreamAnnouncements {
  const ste: number[] = [];
  const cd: number[] = [];
  for (const [at, moment] of moments.entries()) {
    if (moment.kind !== 'commands') continue;
    for (const words of moment.words) {
      const a = announcementOf(words);
      if (a === undefined || vsid < a.first || vsid > a.last) continue;
      if (a.ste && ste.at(-1) !== at) ste.push(at);
      if (a.cd && cd.at(-1) !== at) cd.push(at);
    }
  }
  return { ste, cd };
}
