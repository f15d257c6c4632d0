import { toHex } from '@steward/domain';
import type { RamRange } from '@steward/domain';
import type { Recording } from '@steward/guest';
import { shuffled } from './random';

/** Host physical address space of a scenario: kernel memory, the ITS doorbell, then guest RAM. */
export const HOST_MAP = {
  kernel: { base: 0x4000_0000, size: 0x4000_0000 },
  doorbell: { base: 0x0809_0000, size: 0x1000 },
  guestRam: 0x1_0000_0000,
} as const;

const MIB = 2 ** 20;
const BLOCK = 2 * MIB;
/** RAM is handed out in pieces, so that no guest's IPA → PA map is a single offset. */
const PIECE = 32 * MIB;
const PAGE = 4096;

export interface RamLayout {
  /** Pieces of each guest, in IPA order. */
  readonly guests: readonly (readonly RamRange[])[];
  /** Bytes of guest RAM the host needs, from `HOST_MAP.guestRam` on. */
  readonly size: number;
}

/**
 * Gives every guest the RAM its recording touches, in pieces whose host addresses are shuffled over all
 * guests. The first piece of each is not block-aligned, so stage 2 maps it with 4 KiB pages; the others
 * get 2 MiB blocks.
 */
export function layOutRam(
  recordings: readonly Recording[],
  random: (n: number) => number,
): RamLayout {
  const pieces = recordings.flatMap((recording, guest) =>
    piecesOf(recording).map((piece, i) => ({ guest, ...piece, odd: i === 0 })),
  );
  const guests: RamRange[][] = recordings.map(() => []);
  let at: number = HOST_MAP.guestRam;
  for (const { guest, ipa, size, odd } of shuffled(pieces, random)) {
    const pa = odd ? at + PAGE : at;
    guests[guest]!.push({ ipa: toHex(ipa), size: toHex(size), pa: toHex(pa) });
    at = Math.ceil((pa + size) / BLOCK) * BLOCK;
  }
  for (const ranges of guests) ranges.sort((a, b) => Number(a.ipa) - Number(b.ipa));
  return { guests, size: at - HOST_MAP.guestRam };
}

function piecesOf(recording: Recording): { ipa: number; size: number }[] {
  const first = Math.min(...recording.memory.map((r) => r.base));
  const end = Math.max(...recording.memory.map((r) => r.base + r.size));
  const base = Math.floor(first / BLOCK) * BLOCK;
  const top = Math.ceil(end / BLOCK) * BLOCK;
  const pieces: { ipa: number; size: number }[] = [];
  for (let ipa = base; ipa < top; ipa += PIECE) {
    pieces.push({ ipa, size: Math.min(PIECE, top - ipa) });
  }
  return pieces;
}
