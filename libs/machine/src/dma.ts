import { decodeDma } from '@steward/domain';
import type { DmaAccess } from '@steward/domain';
import type { HostDriver } from '@steward/host';
import type { Outcome } from '@steward/smmu';
import type { CoherenceChecker } from './coherence/coherence-checker';
import type { MachineEffect } from './effects';
import type { GuestMemory } from './guest-memory';

const VERDICT = { matched: 0n, faulted: 1n, mismatched: 2n } as const;
/** Bits [3:2] of a result; a stall is bit 6 alone. */
const OUTCOME = { ok: 0n, abort: 1n, 'no-memory': 2n, 'raz-wi': 3n, stalled: 0x10n } as const;
const MISMATCHES_SHOWN = 8;

type Verdict = keyof typeof VERDICT;

/** Runs a DMA batch through the devices' SMMU and compares each end with what was expected of it. */
export function performDma(
  driver: HostDriver,
  guest: GuestMemory,
  batch: { vm: string; devices: readonly string[]; words: BigUint64Array },
  coherence?: CoherenceChecker,
): MachineEffect {
  const accesses = decodeDma(batch.words);
  const words = new BigUint64Array(accesses.length * 2);
  const count = { matched: 0, faulted: 0, mismatched: 0 };
  const mismatches: string[] = [];
  accesses.forEach((access, i) => {
    const device = batch.devices[access.device] ?? '';
    const { iova: address, write, pasid } = access;
    const substream = pasid === undefined ? {} : { substreamId: pasid };
    coherence?.accessing({ device, iova: address, write });
    const outcome = driver.access(device, access.stream, { address, write, ...substream });
    const verdict = judge(access, outcome, guest);
    count[verdict]++;
    if (verdict === 'mismatched' && mismatches.length < MISMATCHES_SHOWN) {
      mismatches.push(describe(device, access, outcome, guest));
    }
    const ok = outcome.kind === 'ok' ? outcome : undefined;
    words[2 * i] =
      VERDICT[verdict] |
      (OUTCOME[outcome.kind] << 2n) |
      (BigInt(ok?.readable ?? false) << 4n) |
      (BigInt(ok?.writable ?? false) << 5n);
    words[2 * i + 1] = 'pa' in outcome ? BigInt(outcome.pa) : 0n;
  });
  const payload = { vm: batch.vm, accesses: accesses.length, ...count, mismatches };
  return { kind: 'dma', payload, words };
}

function judge({ expect }: DmaAccess, outcome: Outcome, guest: GuestMemory): Verdict {
  if (expect === undefined) return outcome.kind === 'ok' ? 'matched' : 'faulted';
  if (expect.kind === 'abort') return outcome.kind === 'abort' ? 'faulted' : 'mismatched';
  const right =
    outcome.kind === 'ok' &&
    outcome.pa === guest.backing(expect.ipa) &&
    outcome.readable === expect.readable &&
    outcome.writable === expect.writable;
  return right ? 'matched' : 'mismatched';
}

function describe(device: string, a: DmaAccess, outcome: Outcome, guest: GuestMemory): string {
  const hex = (n: number | bigint | undefined): string =>
    n === undefined ? 'nothing' : `0x${n.toString(16)}`;
  const perm = (o: { readable: boolean; writable: boolean }): string =>
    `${o.readable ? 'r' : '-'}${o.writable ? 'w' : '-'}`;
  const expected =
    a.expect?.kind === 'ok'
      ? `PA ${hex(guest.backing(a.expect.ipa))} ${perm(a.expect)} (IPA ${hex(a.expect.ipa)})`
      : 'an abort';
  const actual =
    outcome.kind === 'ok' ? `PA ${hex(outcome.pa)} ${perm(outcome)}` : `${outcome.kind}`;
  return `${device} ${a.write ? 'write' : 'read'} ${hex(a.iova)}: expected ${expected}, got ${actual}`;
}
