import { ATTACHMENTS } from './audit/attachments';
import { HOST_FANOUT } from './host/fanout';
import { PERFETTO } from './interop/perfetto';
import { LEDGER_APPEND } from './ledger/append';
import { LEDGER_READ } from './ledger/read';
import { MACHINE_REPLAY } from './machine/replay';
import type { Measurement } from './measurement';
import { TIME_TRAVEL } from './replay/time-travel';
import { IDLE_STREAM } from './smmu/idle-stream';
import { INVALIDATE } from './smmu/invalidate';
import { TRANSLATE } from './smmu/translate';

/** Every measurement there is, in the order in which they run. */
export const MEASUREMENTS: readonly Measurement[] = [
  ...TRANSLATE,
  ...INVALIDATE,
  IDLE_STREAM,
  ...HOST_FANOUT,
  ...LEDGER_APPEND,
  LEDGER_READ,
  ...TIME_TRAVEL,
  ...MACHINE_REPLAY,
  ATTACHMENTS,
  PERFETTO,
];
