import type { StoredCommit } from '@steward/ledger';

/**
 * Names that process managers give to what they make. They follow from positions, which differ between two histories; so
 * what was made for the same command, as the same of several, counts as the same thing.
 */
export class GivenNames {
  private readonly byPlace = new Map<string, string>();
  private readonly places = new Map<string, number>();
  private readonly renamed = new Map<string, string>();

  /** @param original the names of the history that this one is compared with; absent: this is the original. */
  constructor(private readonly original?: GivenNames) {}

  /** Learns the names given in a commit that belongs to the step called `step`. */
  learn(step: string, { command, causationId }: StoredCommit): void {
    const name = command['domain'];
    if (causationId === undefined || command['type'] !== 'AllocateNestedDomain') return;
    if (typeof name !== 'string') return;
    const n = this.places.get(step) ?? 0;
    this.places.set(step, n + 1);
    const place = `${step}#${n}`;
    this.byPlace.set(place, name);
    const theirs = this.original?.byPlace.get(place);
    if (theirs !== undefined && theirs !== name) this.renamed.set(name, theirs);
  }

  /** JSON of a value with every such name as the original history has it. */
  canonical(value: unknown): string {
    if (this.renamed.size === 0) return JSON.stringify(value);
    return JSON.stringify(value, (_, member: unknown) =>
      typeof member === 'string' ? this.nameOf(member) : member,
    );
  }

  /** Alone, or as the id of a stream. */
  private nameOf(text: string): string {
    const slash = text.indexOf('/');
    const theirs = this.renamed.get(text.slice(slash + 1));
    return theirs === undefined ? text : text.slice(0, slash + 1) + theirs;
  }
}
