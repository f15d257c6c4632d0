import type { HostMachine } from '@steward/machine';
import { hex64 } from '@steward/smmu';
import { intentOf } from '@steward/vmm';
import { deviceOf, vsmmuOf } from './guest-player';

/** A physical STE that is not the one composed from the guest's vSTE. */
export interface SteMismatch {
  readonly device: string;
  readonly expected: string;
  readonly actual: string;
}

/**
 * Compares the STE in force of each of a guest's streams with the one the driver composes for the vSTE
 * that the recording shows at this point. Returns how many were compared and those that differ.
 */
export function checkPhaseEnd(
  machine: HostMachine,
  guest: { readonly name: string; readonly vsids: Iterable<number> },
  stes: ReadonlyMap<number, readonly bigint[]>,
): { readonly compared: number; readonly mismatches: readonly SteMismatch[] } {
  const mismatches: SteMismatch[] = [];
  let compared = 0;
  for (const vsid of guest.vsids) {
    const recorded = stes.get(vsid);
    if (recorded === undefined) continue; // No entry: nothing was recorded of this stream.
    const intent = intentOf([recorded[0] ?? 0n, recorded[1] ?? 0n]);
    const vste = { abort: [1n, 0n], bypass: [9n, 0n] } as const;
    const words = intent.kind === 'offer' ? intent.vste : vste[intent.kind];
    const expected = machine.composedSte(vsmmuOf(guest.name), words).map(hex64).join(' ');
    const device = deviceOf(guest.name, vsid);
    const actual = machine.physicalSte(device).map(hex64).join(' ');
    compared++;
    if (actual !== expected) mismatches.push({ device, expected, actual });
  }
  return { compared, mismatches };
}
