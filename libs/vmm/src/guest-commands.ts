import { forwardable, streamIdOf } from '@steward/domain';
import type { Command } from '@steward/domain';
import { commandName, COMMANDS } from '@steward/smmu';
import type { CommandWords } from '@steward/smmu';
import { Restaging } from './restage';
import type { Reaction } from './restage';
import type { VsmmuView } from './view';

/** The whole StreamID space: CMD_CFGI_STE_RANGE with Range=31 is CMD_CFGI_ALL (IHI 0070 §4.3.2). */
const RANGE_ALL = 31n;

/**
 * What the VMM does when its guest moves CMDQ_PROD over `words` (two a command), starting at queue index
 * `cons`: STE changes are trapped and become attaches, invalidations are forwarded in order, and the
 * guest's CMDQ_CONS follows. `name` gives the nth nested domain of this reaction its id.
 */
export function* reactToGuestCommands(
  view: VsmmuView,
  queued: { readonly words: BigUint64Array; readonly cons: number; readonly span: number },
  name: (n: number) => string,
): Reaction {
  const { words, cons, span } = queued;
  let pending: bigint[] = [];
  const restaging = new Restaging(view, name);
  const flush = function* (): Reaction {
    if (pending.length === 0) return;
    const batch = BigUint64Array.from(pending);
    pending = [];
    yield { type: 'ForwardInvalidations', vsmmu: view.vsmmu, words: batch };
  };
  for (let i = 0; i < words.length; i += 2) {
    const command = [words[i] ?? 0n, words[i + 1] ?? 0n] as const;
    switch (disposition(command, view)) {
      case 'forward':
        pending.push(...command);
        break;
      case 'restage':
        yield* flush();
        for (const vsid of streamsOf(command, view)) yield* restaging.restage(vsid);
        break;
      case 'synchronise':
        yield* flush();
        break;
      case 'illegal':
        yield* flush();
        yield complete(view.vsmmu, (cons + i / 2) % span, 'CERROR_ILL');
        return;
      case 'nothing':
        break;
    }
  }
  yield* flush();
  yield complete(view.vsmmu, (cons + words.length / 2) % span);
}

type Disposition = 'forward' | 'restage' | 'synchronise' | 'nothing' | 'illegal';

function disposition(command: CommandWords, view: VsmmuView): Disposition {
  switch (commandName(command)) {
    case 'CFGI_STE':
    case 'CFGI_STE_RANGE':
      return 'restage';
    case 'SYNC':
      return 'synchronise';
    case 'PREFETCH_CONFIG':
    case 'PREFETCH_ADDR':
      return 'nothing'; // A hint; the host prefetches for itself.
    default: {
      const by = forwardable(command);
      if (by === undefined) return 'illegal'; // Not a command of an S1-only SMMU (IHI 0070 §4.1.3).
      const stray = by === 'stream-id' && !view.vdevices.has(streamIdOf(command));
      return stray ? 'nothing' : 'forward'; // The kernel would stop the batch at an unknown vSID.
    }
  }
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

function complete(vsmmu: string, cons: number, error?: 'CERROR_ILL'): Command {
  return { type: 'CompleteGuestCommands', vsmmu, cons, ...(error !== undefined && { error }) };
}
