import { toStoredEvent } from '@steward/domain';
import type { DomainEvent } from '@steward/domain';
import { MemoryLedger } from '@steward/ledger';
import type { JsonObject } from '@steward/ledger';

const registered = (host: string): DomainEvent => ({
  type: 'HostRegistered',
  host,
  policy: 'mainline',
  memory: [{ use: 'kernel', base: '0x40000000', size: '0x4000000' }],
});
const smmuAdded = (host: string): DomainEvent => ({
  type: 'SmmuAdded',
  smmu: `s-${host}`,
  host,
  idr: ['0x0d44101b', '0x02730010', '0x0', '0x1414', '0x0', '0x74'],
  iidr: '0x0',
  aidr: '0x1',
  switches: {},
});

/** One commit of one event. */
export type LogEntry = readonly [host: string, stream: string, event: DomainEvent];

/** Two hosts that get an SMMU each. */
export const TWO_HOSTS: readonly LogEntry[] = [
  ['a', 'host/a', registered('a')],
  ['b', 'host/b', registered('b')],
  ['a', 'smmu/s-a', smmuAdded('a')],
  ['b', 'smmu/s-b', smmuAdded('b')],
];

/** A ledger of one commit an entry; commit P was written P seconds after noon. */
export async function ledgerOf(log = TWO_HOSTS): Promise<MemoryLedger> {
  const ledger = new MemoryLedger();
  for (const [i, [host, stream, event]] of log.entries()) {
    const stored = toStoredEvent(event);
    const appended = await ledger.append({
      host,
      at: `2026-01-31T12:00:${String(i + 1).padStart(2, '0')}.000Z`,
      actor: 'ann',
      commandId: `c${i}`,
      command: { type: 'Any' },
      outcome: { ok: true },
      reads: [],
      events: [{ stream, ...stored, payload: stored.payload as JsonObject }],
    });
    if (appended.kind !== 'appended') throw new Error(appended.kind);
  }
  return ledger;
}
