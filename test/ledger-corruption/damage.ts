import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';

/** One way in which a ledger's file is no longer what was written. Offsets and lengths are in bytes. */
export type Damage =
  | { readonly kind: 'flipped-bit'; readonly at: number; readonly bit: number }
  | { readonly kind: 'zeroed-page'; readonly page: number }
  | { readonly kind: 'truncated'; readonly length: number }
  | { readonly kind: 'swapped-events'; readonly rows: readonly [number, number] }
  | { readonly kind: 'swapped-commits'; readonly rows: readonly [number, number] };

export const DAMAGES: readonly Damage['kind'][] = [
  ...(['flipped-bit', 'zeroed-page', 'truncated', 'swapped-events', 'swapped-commits'] as const),
];

/** What a ledger's file is made of. */
export interface FileShape {
  readonly bytes: number;
  readonly pageBytes: number;
  readonly commits: number;
  readonly events: number;
}

/** @param random a whole number from 0 on, below the one given. */
export function randomDamage(shape: FileShape, random: (below: number) => number): Damage {
  const kind = DAMAGES[random(DAMAGES.length)] ?? 'flipped-bit';
  switch (kind) {
    case 'flipped-bit':
      return { kind, at: random(shape.bytes), bit: random(8) };
    case 'zeroed-page':
      return { kind, page: random(shape.bytes / shape.pageBytes) };
    case 'truncated':
      return { kind, length: random(shape.bytes) };
    case 'swapped-events':
      return { kind, rows: twoOf(shape.events, random) };
    case 'swapped-commits':
      return { kind, rows: twoOf(shape.commits, random) };
  }
}

function twoOf(count: number, random: (below: number) => number): [number, number] {
  const first = random(count - 1);
  return [first + 1, first + 2 + random(count - first - 1)];
}

/** Does it to a file. */
export function inflict(file: string, damage: Damage, { pageBytes }: FileShape): void {
  switch (damage.kind) {
    case 'flipped-bit': {
      const bytes = readFileSync(file);
      bytes.writeUInt8(bytes.readUInt8(damage.at) ^ (1 << damage.bit), damage.at);
      return writeFileSync(file, bytes);
    }
    case 'zeroed-page': {
      const bytes = readFileSync(file);
      bytes.fill(0, damage.page * pageBytes, (damage.page + 1) * pageBytes);
      return writeFileSync(file, bytes);
    }
    case 'truncated':
      return truncateSync(file, damage.length);
    case 'swapped-events':
      return swapRows(file, 'events', damage.rows);
    case 'swapped-commits':
      return swapRows(file, 'commits', damage.rows);
  }
}

/** Two rows change places: each keeps its rowid and has everything else of the other. */
function swapRows(file: string, table: string, [a, b]: readonly [number, number]): void {
  const db = new Database(file);
  try {
    db.pragma('foreign_keys = OFF');
    const spare = -1;
    db.pragma('ignore_check_constraints = ON');
    const move = db.prepare(`UPDATE ${table} SET rowid = ? WHERE rowid = ?`);
    db.transaction(() => {
      move.run(spare, a);
      move.run(a, b);
      move.run(b, spare);
    })();
  } finally {
    db.close();
  }
}
