import { jsonPath } from '@steward/guest';
import { z } from 'zod';
import { CmdqError, UnsupportedTrace } from './trace-error';

const hexWord = z.string().regex(/^[0-9a-f]{16}$/, 'expected a 64-bit word of 16 hex digits');
const entry = z.array(hexWord).length(8, 'expected the 8 words of an entry');
const range = z
  .tuple([z.int().nonnegative(), z.int().nonnegative()])
  .refine(([first, end]) => first <= end, 'expected [first, end) with first <= end');
const registers = z.record(
  z.string(),
  z.string().regex(/^0x[0-9a-f]{1,16}$/, 'expected a register like 0x1414'),
);

const PHASE = z.object({
  phase: z.string().regex(/^\S+$/, 'expected a phase name without blanks'),
  trace_lines: range,
  cmdq_index: z.array(range),
  smmu: z.array(
    z.object({
      regs: registers,
      ste_by_streamid: z.record(
        z.string().regex(/^[0-9a-f]{4}$/, 'expected a StreamID of 4 hex digits'),
        z.object({ ste: entry, cd0: entry.optional() }),
      ),
    }),
  ),
});

const QUEUES = z.object({
  cmdq: z.array(
    z.string().regex(/^[0-9a-f]{16} [0-9a-f]{16}$/, 'expected the two words of a command'),
  ),
  cmdq_wrapped: z.boolean(),
  eventq: z
    .array(
      z.string().regex(/^[0-9a-f]{16}( [0-9a-f]{16}){3}$/, 'expected the four words of a record'),
    )
    .optional(),
});

const CMDQ = z.object({
  guest: z.string(),
  kernel_command_line_options: z.string().optional(),
  smmu_instances: z.int().positive(),
  phases: z.array(PHASE).optional(),
  smmu_queues: z.array(QUEUES),
});

/** STE and, when it selects stage 1, CD 0 of one StreamID at a phase end (8 words each). */
export interface RecordedEntries {
  readonly ste: readonly bigint[];
  readonly cd0?: readonly bigint[];
}

/** One phase of the workload. */
export interface RecordedPhase {
  readonly name: string;
  /** Last line of the trace that belongs to the phase, 1-based; the next phase begins after it. */
  readonly lastLine: number;
  /** Index after the phase's last command. */
  readonly commandsEnd: number;
  /** Registers at the phase's end, by name. */
  readonly registers: Readonly<Record<string, bigint>>;
  /** By StreamID; a StreamID that is absent has an all-zero STE, or no level-2 table. */
  readonly entries: ReadonlyMap<number, RecordedEntries>;
}

/** The raw side of a recording, of one SMMU. */
export interface RecordedQueue {
  readonly guest: string;
  readonly kernelOptions: string;
  /** Every command ever queued, in order. */
  readonly commands: readonly (readonly [bigint, bigint])[];
  readonly phases: readonly RecordedPhase[];
  /** Every event record the SMMU queued, in order, four words each. */
  readonly events: readonly (readonly bigint[])[];
}

/**
 * The raw commands and phase ends of every SMMU instance of a `.cmdq.json` document, in the order of the instances.
 * A host-side recording has no phases.
 * @throws CmdqError naming the place; UnsupportedTrace when a queue's ring wrapped.
 */
export function parseCmdq(json: unknown): readonly RecordedQueue[] {
  const parsed = CMDQ.safeParse(json);
  if (!parsed.success) throw documentError(parsed.error);
  const { data } = parsed;
  return Array.from({ length: data.smmu_instances }, (_, smmu) => {
    const queue = data.smmu_queues[smmu];
    if (queue === undefined) throw new CmdqError(`smmu_queues[${smmu}]`, 'expected its queues');
    if (queue.cmdq_wrapped) throw new UnsupportedTrace('queue-wrapped');
    const phases = (data.phases ?? []).map((p, i) => phase(p, `phases[${i}]`, smmu));
    checkOrder(phases, queue.cmdq.length);
    return {
      guest: data.guest,
      kernelOptions: data.kernel_command_line_options ?? '',
      commands: queue.cmdq.map((text): readonly [bigint, bigint] => {
        const [word0 = 0n, word1 = 0n] = words(text.split(' '));
        return [word0, word1];
      }),
      phases,
      events: (queue.eventq ?? []).map((text) => words(text.split(' '))),
    };
  });
}

function words(list: readonly string[]): bigint[] {
  return list.map((text) => BigInt(`0x${text}`));
}

function phase(data: z.infer<typeof PHASE>, path: string, smmu: number): RecordedPhase {
  const state = data.smmu[smmu];
  if (state === undefined) throw new CmdqError(`${path}.smmu[${smmu}]`, 'expected its registers');
  const commands = data.cmdq_index[smmu];
  if (commands === undefined) {
    throw new CmdqError(`${path}.cmdq_index[${smmu}]`, 'expected [first, end)');
  }
  return {
    name: data.phase,
    lastLine: data.trace_lines[1],
    commandsEnd: commands[1],
    registers: Object.fromEntries(
      Object.entries(state.regs).map(([name, text]) => [name, BigInt(text)]),
    ),
    entries: new Map(
      Object.entries(state.ste_by_streamid)
        .map(([sid, { ste, cd0 }]): [number, RecordedEntries] => [
          parseInt(sid, 16),
          cd0 === undefined ? { ste: words(ste) } : { ste: words(ste), cd0: words(cd0) },
        ])
        .sort(([a], [b]) => a - b),
    ),
  };
}

function checkOrder(phases: readonly RecordedPhase[], commands: number): void {
  let line = 0;
  let command = 0;
  for (const [i, p] of phases.entries()) {
    if (p.lastLine < line) {
      throw new CmdqError(`phases[${i}].trace_lines`, 'expected phases in the order of the trace');
    }
    if (p.commandsEnd < command) {
      throw new CmdqError(`phases[${i}].cmdq_index`, 'expected phases in the order of the queue');
    }
    if (p.commandsEnd > commands) {
      throw new CmdqError(
        `phases[${i}].cmdq_index`,
        `expected an end within the ${commands} commands of the queue; it is truncated`,
      );
    }
    line = p.lastLine;
    command = p.commandsEnd;
  }
}

function documentError(error: z.ZodError): CmdqError {
  const issue = error.issues[0];
  const path = jsonPath(issue?.path ?? []);
  return new CmdqError(path === '' ? 'document' : path, issue?.message ?? 'not a recording');
}
