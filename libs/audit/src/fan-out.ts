import type { StoredCommit, StoredEffect } from '@steward/ledger';
import { wordsOf } from '@steward/domain';
import { commandName, hex64 } from '@steward/smmu';
import { isInvalidation } from './effect-totals';

/** The kinds of cached entries that a command can remove, in the order of an effect's `removed`. */
export const REMOVED_KINDS = ['configuration', 'stage1', 'stage2', 'nested', 'atc'] as const;
export type RemovedKind = (typeof REMOVED_KINDS)[number];

/** One command an SMMU consumed. */
export interface FannedCommand {
  /** `CMD_…`, or `reserved command`. */
  readonly name: string;
  readonly words: readonly [string, string];
  /** Whether the host driver issued it of its own or handed a guest's on. */
  readonly origin: 'driver' | 'guest';
  /** Cached entries it removed, kinds without any left out. */
  readonly removed: Readonly<Partial<Record<RemovedKind, number>>>;
  /** An invalidation that found nothing to remove: in this history nothing depended on it. */
  readonly redundant: boolean;
}

/** Commands of one SMMU up to the CMD_SYNC that closed them. */
export interface Batch {
  readonly commands: readonly FannedCommand[];
  /** STEs in memory at the batch's CMD_CFGI_STE, in order. */
  readonly stes: readonly { readonly streamId: number; readonly words: readonly string[] }[];
  readonly synced: boolean;
}

/** What one commit fanned out to. */
export interface FanOut {
  readonly position: number;
  readonly at: string;
  readonly actor: string;
  readonly commandId: string;
  /** Type of the command that was decided. */
  readonly cause: string;
  /** Commit that caused this one, where a process manager issued the command. */
  readonly causationId: string | null;
  readonly smmus: readonly { readonly smmu: string; readonly batches: readonly Batch[] }[];
  readonly totals: {
    readonly commands: Readonly<Record<string, number>>;
    readonly invalidations: number;
    readonly redundant: number;
    readonly syncs: number;
    readonly removed: Readonly<Partial<Record<RemovedKind, number>>>;
  };
}

interface OpenBatch {
  commands: FannedCommand[];
  stes: { streamId: number; words: string[] }[];
  synced: boolean;
}

/** The fan-out of a commit from its effects; undefined when no SMMU consumed a command. */
export function fanOutOf(
  commit: StoredCommit,
  effects: readonly StoredEffect[],
): FanOut | undefined {
  const smmus = new Map<string, OpenBatch[]>();
  let invalidations = 0;
  for (const { kind, payload, words } of effects) {
    if (words === undefined || (kind !== 'commands' && kind !== 'ste-at-sync')) continue;
    const batches = batchesOf(smmus, String(payload['smmu']));
    if (kind === 'ste-at-sync') {
      const streamId = Number(payload['streamId']);
      openBatch(batches).stes.push({ streamId, words: Array.from(wordsOf(words), hex64) });
    } else invalidations += addCommands(batches, payload, wordsOf(words));
  }
  if (![...smmus.values()].flat().some(({ commands }) => commands.length > 0)) return undefined;
  return fanOutWith(commit, smmus, invalidations);
}

/** The fan-out of a commit that put no command on an SMMU. */
export function noFanOut(commit: StoredCommit): FanOut {
  return fanOutWith(commit, new Map(), 0);
}

function fanOutWith(
  commit: StoredCommit,
  smmus: ReadonlyMap<string, readonly OpenBatch[]>,
  invalidations: number,
): FanOut {
  const all = [...smmus.values()].flat().flatMap(({ commands }) => commands);
  const { position, at, actor, commandId, command, causationId } = commit;
  return {
    ...{ position, at, actor, commandId },
    cause: String(command['type']),
    causationId: causationId ?? null,
    smmus: [...smmus].map(([smmu, batches]) => ({ smmu, batches })),
    totals: { invalidations, ...totalsOf(all) },
  };
}

function batchesOf(smmus: Map<string, OpenBatch[]>, smmu: string): OpenBatch[] {
  let batches = smmus.get(smmu);
  if (batches === undefined) smmus.set(smmu, (batches = []));
  return batches;
}

function openBatch(batches: OpenBatch[]): OpenBatch {
  const last = batches.at(-1);
  if (last !== undefined && !last.synced) return last;
  const next = { commands: [], stes: [], synced: false };
  batches.push(next);
  return next;
}

/** Adds consumed commands to their batches. @returns how many of them invalidate. */
function addCommands(
  batches: OpenBatch[],
  payload: StoredEffect['payload'],
  words: BigUint64Array,
): number {
  const removed = payload['removed'] as readonly (readonly number[])[];
  const origin = payload['origin'] === 'guest' ? 'guest' : 'driver';
  let invalidations = 0;
  for (let i = 0; i < words.length; i += 2) {
    const pair = [words[i] ?? 0n, words[i + 1] ?? 0n] as const;
    const name = commandName(pair);
    const gone = removedOf(removed[i / 2] ?? []);
    const batch = openBatch(batches);
    batch.commands.push({
      name: name === undefined ? 'reserved command' : `CMD_${name}`,
      words: [hex64(pair[0]), hex64(pair[1])],
      origin,
      removed: gone,
      redundant: isInvalidation(name) && Object.keys(gone).length === 0,
    });
    if (isInvalidation(name)) invalidations++;
    if (name === 'SYNC') batch.synced = true;
  }
  return invalidations;
}

function removedOf(counts: readonly number[]): Partial<Record<RemovedKind, number>> {
  return Object.fromEntries(
    REMOVED_KINDS.map((kind, i) => [kind, counts[i] ?? 0] as const).filter(([, n]) => n > 0),
  );
}

function totalsOf(all: readonly FannedCommand[]): Omit<FanOut['totals'], 'invalidations'> {
  const commands: Record<string, number> = {};
  const removed: Partial<Record<RemovedKind, number>> = {};
  for (const command of all) {
    commands[command.name] = (commands[command.name] ?? 0) + 1;
    for (const kind of REMOVED_KINDS) {
      const n = command.removed[kind];
      if (n !== undefined) removed[kind] = (removed[kind] ?? 0) + n;
    }
  }
  return {
    commands,
    redundant: all.filter(({ redundant }) => redundant).length,
    syncs: commands['CMD_SYNC'] ?? 0,
    removed,
  };
}
