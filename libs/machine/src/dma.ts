import { decodeDma } from '@steward/domain';
import type { DmaAccess } from '@steward/domain';
import type { HostDriver } from '@steward/host';
import type { Outcome } from '@steward/smmu';
import type { CoherenceChecker } from './coherence/coherence-checker';
import type { MachineEffect } from './effects';
import type { GuestMemory } from './guest-memory';

const VERDICT = { matched: 0, faulted: 1, mismatched: 2 } as const;
/** Bits [3:2] of a result; a stall is bit 6 alone. */
const OUTCOME = { ok: 0, abort: 1, 'no-memory': 2, 'raz-wi': 3, stalled: 0x10 } as const;
/** Bits [5:4]: what the translation permits. */
const READABLE = 1 << 4;
const WRITABLE = 1 << 5;
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
    const { iova: address, write, pasid: substreamId } = access;
    coherence?.accessing({ device, iova: address, write });
    const outcome = driver.access(device, access.stream, { address, write, substreamId });
    const verdict = judge(access, outcome, guest);
    count[verdict]++;
    if (verdict === 'mismatched' && mismatches.length < MISMATCHES_SHOWN) {
      mismatches.push(describe(device, access, outcome, guest));
    }
    words[2 * i] = BigInt(resultOf(verdict, outcome));
    words[2 * i + 1] =
      outcome.kind === 'ok' || outcome.kind === 'no-memory' ? BigInt(outcome.pa) : 0n;
  });
  const payload = { vm: batch.vm, accesses: accesses.length, ...count, mismatches };
  return { kind: 'dma', payload, words };
}

function resultOf(verdict: Verdict, outcome: Outcome): number {
  const result = VERDICT[verdict] | (OUTCOME[outcome.kind] << 2);
  if (outcome.kind !== 'ok') return result;
  return result | (outcome.readable ? READABLE : 0) | (outcome.writable ? WRITABLE : 0);
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
