import { commandName, COMMANDS } from '@steward/smmu';
import type { CommandWords } from '@steward/smmu';
import { dispositionOf, streamIdOf } from './dispositions';
import { Restaging } from './restage';
import type { Answer, Reaction } from './restage';
import type { VsmmuView } from './view';

/** The whole StreamID space: CMD_CFGI_STE_RANGE with Range=31 is CMD_CFGI_ALL (IHI 0070 §4.3.2). */
const RANGE_ALL = 31n;

/** Commands as they lie in the guest's queue; `index` counts from the first of the reaction. */
interface Queued {
  readonly index: number;
  readonly command: CommandWords;
}

/**
 * What the VMM does when its guest moves CMDQ_PROD over `words` (two a command), starting at queue index
 * `cons` of a queue whose indices run modulo `span`: STE changes are trapped and become attaches,
 * invalidations are forwarded in order, and the guest's CMDQ_CONS follows. A command that is illegal, or
 * that the kernel refuses, stops the queue there with CERROR_ILL.
 * @param name gives the nth nested domain of this reaction its id.
 */
export function* reactToGuestCommands(
  view: VsmmuView,
  queued: { readonly words: BigUint64Array; readonly cons: number; readonly span: number },
  name: (n: number) => string,
): Reaction {
  const { words, cons, span } = queued;
  const { vsmmu } = view;
  const stoppedAt = yield* consume(view, words, name);
  const index = stoppedAt ?? words.length / 2;
  const error = stoppedAt === undefined ? {} : ({ error: 'CERROR_ILL' } as const);
  yield { type: 'CompleteGuestCommands', vsmmu, cons: (cons + index) % span, ...error };
}

/** Handles the commands in order. Returns the index of the one that stopped the queue, if one did. */
function* consume(
  view: VsmmuView,
  words: BigUint64Array,
  name: (n: number) => string,
): Generator<Step, number | undefined, Answer> {
  const restaging = new Restaging(view, name);
  let pending: Queued[] = [];
  for (let index = 0; index < words.length / 2; index++) {
    const command = [words[2 * index] ?? 0n, words[2 * index + 1] ?? 0n] as const;
    const disposition = dispositionOf(command);
    if (disposition === 'nothing') continue;
    if (disposition === 'forward' || disposition === 'forward-stream') {
      const known = disposition === 'forward' || view.vdevices.has(streamIdOf(command));
      if (known) pending.push({ index, command });
      continue;
    }
    const stopped = yield* forward(view, pending);
    if (stopped !== undefined) return stopped;
    pending = [];
    if (disposition === 'illegal') return index;
    if (disposition !== 'restage') continue;
    for (const vsid of streamsOf(command, view)) yield* restaging.restage(vsid);
  }
  return yield* forward(view, pending);
}

type Step = Reaction extends Generator<infer T, void, Answer> ? T : never;

/**
 * One HWPT_INVALIDATE for a batch. The kernel refuses a batch as a whole here; then each command goes
 * alone, so that those before the bad one take effect and its index is known.
 */
function* forward(
  view: VsmmuView,
  batch: readonly Queued[],
): Generator<Step, number | undefined, Answer> {
  if (batch.length === 0) return undefined;
  const { ok } = yield invalidate(view, batch);
  if (ok) return undefined;
  if (batch.length === 1) return batch[0]?.index;
  for (const queued of batch) {
    const { ok: taken } = yield invalidate(view, [queued]);
    if (!taken) return queued.index;
  }
  return undefined;
}

function invalidate(view: VsmmuView, batch: readonly Queued[]): Step {
  const words = BigUint64Array.from(batch.flatMap(({ command }) => [...command]));
  return { type: 'ForwardInvalidations', vsmmu: view.vsmmu, words };
}

function streamsOf(command: CommandWords, view: VsmmuView): number[] {
  const sid = streamIdOf(command);
  if (commandName(command) === 'CFGI_STE') return view.vdevices.has(sid) ? [sid] : [];
  const range = COMMANDS.CFGI_STE_RANGE.layout.get(command, 'Range');
  const size = 2 ** (Number(range) + 1);
  const first = range === RANGE_ALL ? 0 : sid - (sid % size);
  return [...view.vdevices.keys()]
    .filter((vsid) => vsid >= first && vsid < first + size)
    .sort((a, b) => a - b);
}
