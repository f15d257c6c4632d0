import { CD, STE, STE_CONFIG } from '@steward/smmu';
import type { Inference } from '@steward/guest';
import { announcementsOf } from './announcements';
import { byInterval, place, type Sighting } from './placement';
import type { CdMoment, Moment } from './moments';

/** One entry of the guest to be written before a moment. */
export interface EntryWrite {
  /** Index of the moment it must precede. */
  readonly before: number;
  readonly entry: 'ste' | 'cd';
  readonly vsid: number;
  /** Address of a CD; an STE's follows from the stream table. */
  readonly cd?: number;
  readonly words: readonly bigint[];
  readonly rule: Inference;
}

/** The entry writes of a recording, and what could not be inferred, as sentences. */
export interface InferredEntries {
  readonly writes: readonly EntryWrite[];
  readonly unresolved: readonly string[];
}

const ZERO_ENTRY: readonly bigint[] = new Array<bigint>(8).fill(0n);

/** An abort STE: V = 1, Config = 0. Every stream of a new level-2 table starts as this in Linux. */
export const ABORT_STE = STE.encode({ V: 1n, Config: STE_CONFIG.ABORT });
const BYPASS_STE = STE.encode({ V: 1n, Config: STE_CONFIG.BYPASS });

/** What was seen of an STE: its words at a phase end, or what a transaction gave away of it. */
type SteSighting =
  | { readonly kind: 'words'; readonly words: readonly bigint[] }
  | { readonly kind: 's1'; readonly cd: number }
  | { readonly kind: 's2'; readonly ttb: number; readonly vmid: number }
  | { readonly kind: 'bypass' }
  | { readonly kind: 'abort' };

interface CdSighting {
  readonly cd: number;
  readonly words?: readonly bigint[];
  readonly moment?: CdMoment;
}

/** An entry with the words it was resolved to and the rule that gave them. */
interface Resolved {
  readonly cd?: number;
  readonly words: readonly bigint[];
  readonly rule: Inference;
}

/** Infers when each StreamID of `streams` had which STE and CD. */
export function inferEntries(
  moments: readonly Moment[],
  streams: readonly number[],
): InferredEntries {
  const templates = phaseEndEntries(moments);
  const writes: EntryWrite[] = [];
  const unresolved: string[] = [];
  for (const vsid of streams) {
    const announced = announcementsOf(moments, vsid);
    const stes = resolveAll(steSightings(moments, vsid), announced.ste, (sighting, group) =>
      resolveSte(sighting, group, templates, vsid),
    );
    const cds = resolveAll(cdSightings(moments, vsid), announced.cd, (sighting, group) =>
      resolveCd(sighting, group, templates, vsid),
    );
    for (const [entry, at] of [
      ...stes.unresolved.map((at) => ['STE', at] as const),
      ...cds.unresolved.map((at) => ['CD', at] as const),
    ]) {
      unresolved.push(
        `line ${moments[at]?.line ?? 0}: nothing in the recording tells the words of the ${entry} that StreamID 0x${vsid.toString(16)} used here`,
      );
    }
    for (const p of place(stes.sightings, announced.ste, sameEntry)) {
      const rule = p.announced ? p.value.rule : 'unannounced';
      writes.push({ before: p.before, entry: 'ste', vsid, words: p.value.words, rule });
    }
    for (const p of place(cds.sightings, announced.cd, sameEntry)) {
      const rule = p.announced ? p.value.rule : 'unannounced';
      const { cd = 0, words } = p.value;
      writes.push({ before: p.before, entry: 'cd', vsid, cd, words, rule });
    }
  }
  return { writes, unresolved };
}

function resolveAll<T>(
  sightings: readonly Sighting<T>[],
  announcements: readonly number[],
  resolve: (sighting: T, group: readonly T[]) => Resolved | undefined,
): { sightings: Sighting<Resolved>[]; unresolved: number[] } {
  const resolved: Sighting<Resolved>[] = [];
  const unresolved: number[] = [];
  for (const group of byInterval(sightings, announcements)) {
    const values = group.map(({ value }) => value);
    for (const { at, value } of group) {
      const entry = resolve(value, values);
      if (entry === undefined) unresolved.push(at);
      else resolved.push({ at, value: entry });
    }
  }
  return { sightings: resolved, unresolved };
}

function steSightings(moments: readonly Moment[], vsid: number): Sighting<SteSighting>[] {
  const found: Sighting<SteSighting>[] = [];
  for (const [at, moment] of moments.entries()) {
    if (moment.kind === 'phase-end') {
      const words = moment.phase.entries.get(vsid)?.ste ?? ZERO_ENTRY;
      found.push({ at, value: { kind: 'words', words } });
    } else if (moment.kind === 'cd' && moment.vsid === vsid) {
      found.push({ at, value: { kind: 's1', cd: moment.cd } });
    } else if (moment.kind === 'stage2-table' && moment.vsid === vsid) {
      found.push({ at, value: { kind: 's2', ttb: moment.ttb, vmid: moment.vmid } });
    } else if (moment.kind === 'dma' && moment.vsid === vsid) {
      // Walks tell more of an STE with a translation than the access that follows them.
      if (moment.by === 'bypass' || moment.by === 'abort') {
        found.push({ at, value: { kind: moment.by } });
      }
    }
  }
  return found;
}

function cdSightings(moments: readonly Moment[], vsid: number): Sighting<CdSighting>[] {
  const found: Sighting<CdSighting>[] = [];
  for (const [at, moment] of moments.entries()) {
    if (moment.kind === 'phase-end') {
      const entries = moment.phase.entries.get(vsid);
      if (entries?.cd0 === undefined) continue;
      found.push({ at, value: { cd: contextPointer(entries.ste), words: entries.cd0 } });
    } else if (moment.kind === 'cd' && moment.vsid === vsid) {
      found.push({ at, value: { cd: moment.cd, moment } });
    }
  }
  return found;
}

/** STE and CD pairs read at phase ends. */
interface Template {
  readonly vsid: number;
  readonly ste: readonly bigint[];
  readonly cd0?: readonly bigint[];
}

function phaseEndEntries(moments: readonly Moment[]): Template[] {
  return moments.flatMap((moment) =>
    moment.kind === 'phase-end'
      ? [...moment.phase.entries].map(([vsid, { ste, cd0 }]) =>
          cd0 === undefined ? { vsid, ste } : { vsid, ste, cd0 },
        )
      : [],
  );
}

/**
 * The words of an STE. What a transaction gives away is completed from a phase end: of the same interval, else of
 * the same StreamID, else of any stream of the same kind with its own CD pointer, or VMID and table, put in.
 */
function resolveSte(
  sighting: SteSighting,
  group: readonly SteSighting[],
  templates: readonly Template[],
  vsid: number,
): Resolved | undefined {
  if (sighting.kind === 'words') return { words: sighting.words, rule: 'ste-phase-end' };
  const fits = (words: readonly bigint[]) => steShows(words, sighting);
  const inGroup = group.find((other) => other.kind === 'words' && fits(other.words));
  if (inGroup?.kind === 'words') return { words: inGroup.words, rule: 'ste-phase-end' };
  const own =
    templates.find((t) => t.vsid === vsid && fits(t.ste)) ?? templates.find((t) => fits(t.ste));
  if (own !== undefined) return { words: own.ste, rule: 'ste-walk' };
  if (sighting.kind === 'bypass') return { words: BYPASS_STE, rule: 'ste-walk' };
  if (sighting.kind === 'abort') return { words: ABORT_STE, rule: 'ste-walk' };
  const config = sighting.kind === 's1' ? 'S1' : 'S2';
  const template = templates.find((t) => STE.nameOf(t.ste, 'Config') === config);
  if (template === undefined) return undefined;
  const pointers =
    sighting.kind === 's1'
      ? { S1ContextPtr: BigInt(sighting.cd) }
      : { S2VMID: BigInt(sighting.vmid), S2TTB: BigInt(sighting.ttb) };
  return { words: STE.encode(pointers, template.ste), rule: 'ste-walk' };
}

function steShows(words: readonly bigint[], sighting: SteSighting): boolean {
  if (STE.get(words, 'V') === 0n) return false;
  const config = STE.nameOf(words, 'Config');
  switch (sighting.kind) {
    case 's1':
      return config === 'S1' && contextPointer(words) === sighting.cd;
    case 's2':
      return (
        config === 'S2' &&
        STE.get(words, 'S2TTB') === BigInt(sighting.ttb) &&
        STE.get(words, 'S2VMID') === BigInt(sighting.vmid)
      );
    case 'bypass':
      return config === 'BYPASS';
    case 'abort':
      return config === 'ABORT';
    case 'words':
      return sameWords(words, sighting.words);
  }
}

function resolveCd(
  sighting: CdSighting,
  group: readonly CdSighting[],
  templates: readonly Template[],
  vsid: number,
): Resolved | undefined {
  const { cd, words, moment } = sighting;
  if (words !== undefined) return { cd, words, rule: 'cd-phase-end' };
  if (moment === undefined) return undefined;
  const inGroup = group.find(
    (other) => other.cd === cd && other.words !== undefined && cdShows(other.words, moment),
  );
  if (inGroup?.words !== undefined) return { cd, words: inGroup.words, rule: 'cd-phase-end' };
  const known = templates.filter((t) => t.cd0 !== undefined);
  const template =
    known.find((t) => t.vsid === vsid && cdShows(t.cd0 ?? ZERO_ENTRY, moment)) ??
    known.find((t) => t.vsid === vsid) ??
    known[0];
  if (template?.cd0 === undefined) return undefined;
  const own = CD.encode(
    {
      TTB0: BigInt(moment.ttb0),
      T0SZ: BigInt(moment.t0sz),
      ...(moment.asid === undefined ? {} : { ASID: BigInt(moment.asid) }),
    },
    template.cd0,
  );
  return { cd, words: own, rule: 'cd-walk' };
}

function cdShows(words: readonly bigint[], moment: CdMoment): boolean {
  return (
    CD.get(words, 'TTB0') === BigInt(moment.ttb0) &&
    CD.get(words, 'T0SZ') === BigInt(moment.t0sz) &&
    (moment.asid === undefined || CD.get(words, 'ASID') === BigInt(moment.asid))
  );
}

function contextPointer(ste: readonly bigint[]): number {
  return Number(STE.get(ste, 'S1ContextPtr'));
}

function sameEntry(a: Resolved, b: Resolved): boolean {
  return a.cd === b.cd && sameWords(a.words, b.words);
}

function sameWords(a: readonly bigint[], b: readonly bigint[]): boolean {
  return a.every((word, i) => word === b[i]);
}
