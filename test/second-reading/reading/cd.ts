import { addressBits, alignDown, bit, bits, power } from './bits';
import { Fault } from './faults';
import { ADDRESS_SIZE, type Implementation } from './implementation';
import type { Machine } from './machine';
import { reachThroughStage2 } from './stage2';
import type { Ste, StreamWorld } from './ste';

/** The fields of a legal CD that belong to one half of the address space (IHI 0070 §5.4). */
export interface Half {
  readonly disabled: boolean;
  readonly inputSize: number;
  readonly pageShift: number;
  readonly table: bigint;
  readonly topByteIgnored: boolean;
  readonly hierarchyDisabled: boolean;
  readonly noUnprivileged: boolean;
}

/** A legal CD. */
export interface Cd {
  readonly words: readonly bigint[];
  readonly halves: readonly Half[];
  readonly outputSize: number;
  readonly bigEndian: boolean;
  readonly noAccessFault: boolean;
  readonly writeNeverExecutes: boolean;
  readonly privilegedAccessNever: boolean;
  readonly updatesAccess: boolean;
  readonly updatesDirty: boolean;
  readonly aborts: boolean;
  readonly records: boolean;
  readonly stalls: boolean;
}

/** Fetches and judges CD number `index` of a stream. @throws Fault */
export function readCd(machine: Machine, ste: Ste, index: number): Cd {
  const fetch = (address: bigint): bigint => {
    const pa =
      ste.stage2 === undefined ? address : reachThroughStage2(machine, ste.stage2, address, 'CD');
    const word = machine.memory.read(pa);
    if (word === undefined) throw new Fault('F_CD_FETCH', { fetchAddress: pa });
    return word;
  };
  const address = cdAddress(machine, ste, index, fetch);
  const words = Array.from({ length: 8 }, (_, i) => fetch(address + 8n * BigInt(i)));
  if (cdIllegal(words, ste, machine.implementation)) throw new Fault('C_BAD_CD');
  return decode(words, ste.world, machine.implementation);
}

function cdAddress(
  machine: Machine,
  ste: Ste,
  index: number,
  fetch: (at: bigint) => bigint,
): bigint {
  const { s1CdMax, s1Fmt, s1ContextPtr } = ste;
  if (s1Fmt === 0) return alignDown(s1ContextPtr, s1CdMax + 6) + 64n * BigInt(index);
  const leafBits = s1Fmt === 1 ? 6 : 10;
  const table = alignDown(s1ContextPtr, Math.max(6, s1CdMax - leafBits + 3));
  const descriptor = fetch(table + 8n * BigInt(index >> leafBits));
  const leaf = addressBits(descriptor, 55, 12, 12);
  if (!bit(descriptor, 0) || leaf >= power(machine.implementation.oas)) {
    throw new Fault('C_BAD_SUBSTREAMID');
  }
  // L2Ptr[15:12] are RES0 where leaves have 64 KiB.
  return alignDown(leaf, leafBits + 6) + 64n * BigInt(index % 2 ** leafBits);
}

const PAGE_SHIFT_0 = [12, 16, 14, 0] as const;
const PAGE_SHIFT_1 = [0, 14, 12, 16] as const;

/** TTB0's half, and TTB1's, which EL2 without E2H does not have. */
function halvesOf(
  words: readonly bigint[],
  world: StreamWorld,
  implementation: Implementation,
): Half[] {
  const two = world !== 'EL2';
  const half = (n: 0 | 1): Half => ({
    disabled: two && bit(words, n === 0 ? 14 : 30),
    inputSize: 64 - (n === 0 ? bits(words, 5, 0) : bits(words, 21, 16)),
    pageShift: n === 0 ? PAGE_SHIFT_0[bits(words, 7, 6)]! : PAGE_SHIFT_1[bits(words, 23, 22)]!,
    table: n === 0 ? addressBits(words, 115, 68, 4) : addressBits(words, 179, 132, 4),
    topByteIgnored: bit(words, 38 + n),
    hierarchyDisabled: implementation.had && bit(words, n === 0 ? 65 : 129),
    noUnprivileged: two && implementation.e0pd && bit(words, n === 0 ? 66 : 130),
  });
  return two ? [half(0), half(1)] : [half(0)];
}

function outputSizeOf(words: readonly bigint[], { oas }: Implementation): number {
  return Math.min(ADDRESS_SIZE[bits(words, 34, 32)]!, oas);
}

/** IHI 0070 §5.4.2. */
function cdIllegal(words: readonly bigint[], ste: Ste, implementation: Implementation): boolean {
  const { httu, stallModel, abortOnly, ttEndian, asid16 } = implementation;
  const [stalls, aborts] = [bit(words, 44), bit(words, 46)];
  const [dirty, access] = [bit(words, 42), bit(words, 43)];
  const bigEndian = bit(words, 15);
  const halves = halvesOf(words, ste.world, implementation).filter((half) => !half.disabled);
  const outputSize = outputSizeOf(words, implementation);
  return (
    !bit(words, 31) ||
    (ste.s1StallDisabled && stalls) ||
    (abortOnly && !aborts) ||
    (stallModel === 1 && stalls) ||
    (stallModel === 2 && !stalls) ||
    (halves.length > 0 && ((ttEndian === 2 && bigEndian) || (ttEndian === 3 && !bigEndian))) ||
    !bit(words, 41) ||
    ((access || dirty) && httu === 0) ||
    (dirty && httu === 1) ||
    (ste.world !== 'EL2' && !asid16 && bits(words, 63, 56) !== 0) ||
    halves.some((half) => halfIllegal(half, outputSize, implementation))
  );
}

function halfIllegal(half: Half, outputSize: number, implementation: Implementation): boolean {
  const { granules, smallTables, va52 } = implementation;
  const large = half.pageShift === 16;
  const txsz = 64 - half.inputSize;
  return (
    !granules.includes(half.pageShift) ||
    txsz < (large && va52 ? 12 : 16) ||
    txsz > (smallTables ? (large ? 47 : 48) : 39) ||
    half.table >= power(outputSize) ||
    (!large && half.table >= power(48))
  );
}

function decode(words: readonly bigint[], world: StreamWorld, implementation: Implementation): Cd {
  const updatesAccess = bit(words, 43);
  return {
    words,
    halves: halvesOf(words, world, implementation),
    outputSize: outputSizeOf(words, implementation),
    bigEndian: bit(words, 15),
    noAccessFault: bit(words, 35),
    writeNeverExecutes: bit(words, 36),
    privilegedAccessNever: world !== 'EL2' && bit(words, 40),
    updatesAccess,
    updatesDirty: updatesAccess && bit(words, 42),
    stalls: bit(words, 44),
    records: bit(words, 45),
    aborts: bit(words, 46),
  };
}
