import type { Errno } from '@steward/domain';
import {
  closeFile,
  closeQueue,
  destroy,
  faultQueueAlloc,
  getHwInfo,
  hwptAlloc,
  hwptInvalidate,
  ioasAlloc,
  ioasMap,
  ioasUnmap,
  pollVeventq,
  readVeventq,
  Session,
  vdeviceAlloc,
  veventqAlloc,
  vfioAttach,
  vfioBind,
  vfioClose,
  vfioDetach,
  viommuAlloc,
  writeVeventq,
  type Conversation,
} from '@steward/iommufd';
import { GuestBuffer } from './guest-buffer';
import { Names } from './names';
import type { Pipeline } from './pipeline';
import { OK, type Played } from './played';
import { number, text, words, type Step, type StepIn } from './recording-format';
import { BUFFER, VM } from './set-ups';
import { bytes, COMMAND_BYTES, laidOut } from './user-memory';
import { invalidationSweep, vsteSweep, SWEEP_LETTERS } from './sweeps';

const NH_ALL = [0x10n, 0n];
/** What a byte of the test program's buffers is before a call. */
const FILL = 0xaa;
/** The test program's machine has less memory: there calloc() of an array as long as this gave a null pointer. */
const ALLOCATION_MAX = 2 ** 32;
/** Entries that are laid out where a recording does not list them; the kernel looks at no array that is longer. */
const ENTRIES_MAX = 2 ** 18;

/** Plays the steps of one scenario: each is the ioctls, accesses or stores that the test program made. */
export class Player {
  private session: Session;
  private readonly names: Names;
  private readonly buffer: GuestBuffer;

  constructor(
    private readonly pipeline: Pipeline,
    private readonly devices: readonly string[],
  ) {
    this.session = new Session(VM, pipeline);
    this.names = new Names(() => this.session);
    this.buffer = new GuestBuffer(pipeline);
  }

  /** The guest buffer as the test program has it at the start. */
  prepare(): Promise<void> {
    return this.buffer.prepare();
  }

  async play(step: Step): Promise<Played> {
    const handler = HANDLERS[step.op];
    if (handler === undefined) return { errno: `the runner knows no ${step.op}`, out: {} };
    return handler.call(this, step.in, step);
  }

  /** IOMMU_OPEN. */
  open(): Played {
    this.session = new Session(VM, this.pipeline);
    return OK;
  }

  bind(args: StepIn): Promise<Played> {
    return this.allocate(args['dev'], vfioBind(this.session, text(args, 'dev')));
  }

  async attach(args: StepIn, step: Step): Promise<Played> {
    const pt = this.names.id(args['pt']);
    const reply = await this.run(vfioAttach(this.session, text(args, 'dev'), pt));
    if (reply.errno !== undefined || reply.out.pt_id === undefined) return failure(reply.errno);
    const expected = step.out['pt_id_out'];
    return { errno: 'OK', out: { pt_id_out: this.names.nameOfHwpt(reply.out.pt_id, expected) } };
  }

  hwptAlloc(args: StepIn, step: Step): Promise<Played> {
    const vste = args['vste'] as readonly string[] | undefined;
    const fault = args['fault'];
    return this.allocate(
      step.out['id'],
      hwptAlloc(this.session, {
        flags: number(args, 'flags'),
        dev_id: this.names.id(args['dev']),
        pt_id: this.names.id(args['pt']),
        data_type: number(args, 'data_type'),
        data_len: number(args, 'data_len'),
        ...(args['uptr'] !== 'bad' && vste && { data: bytes(words(vste.join(' '))) }),
        ...(fault !== undefined && { fault_id: this.names.id(fault) }),
        reserved: number(args, 'reserved', 0),
        ...sizeOf(args, step),
      }),
    );
  }

  map(args: StepIn, step: Step): Promise<Played> {
    const request = {
      flags: number(args, 'flags'),
      ioas_id: this.names.id(args['ioas']),
      pa: BigInt(BUFFER.pa),
      iova: BigInt(text(args, 'iova')),
      length: BigInt(text(args, 'length')),
      ...sizeOf(args, step),
    };
    return this.plain(ioasMap(this.session, request));
  }

  async unmap(args: StepIn): Promise<Played> {
    const { errno, out } = await this.run(
      ioasUnmap(this.session, {
        ioas_id: this.names.id(args['ioas']),
        iova: BigInt(text(args, 'iova')),
        length: BigInt(text(args, 'length')),
      }),
    );
    return { errno: errno ?? 'OK', out: { length: `0x${out.length.toString(16)}` } };
  }

  viommuAlloc(args: StepIn, step: Step): Promise<Played> {
    const request = {
      flags: number(args, 'flags'),
      type: number(args, 'type'),
      dev_id: this.names.id(args['dev']),
      hwpt_id: this.names.id(args['hwpt']),
      ...sizeOf(args, step),
    };
    return this.allocate(step.out['id'], viommuAlloc(this.session, request));
  }

  vdeviceAlloc(args: StepIn, step: Step): Promise<Played> {
    const request = {
      viommu_id: this.names.id(args['viommu']),
      dev_id: this.names.id(args['dev']),
      virt_id: BigInt(text(args, 'virt_id')),
    };
    return this.allocate(step.out['id'], vdeviceAlloc(this.session, request));
  }

  veventqAlloc(args: StepIn, step: Step): Promise<Played> {
    const request = {
      flags: number(args, 'flags'),
      viommu_id: this.names.id(args['viommu']),
      type: number(args, 'type'),
      veventq_depth: number(args, 'depth'),
      reserved: number(args, 'reserved', 0),
    };
    return this.allocate(step.out['id'], veventqAlloc(this.session, request));
  }

  async readQueue(args: StepIn): Promise<Played> {
    const id = this.names.lastOf('veventq');
    const poll_in = pollVeventq(this.session, id) ? 1 : 0;
    const { errno, out } = await this.run(readVeventq(this.session, id, number(args, 'read_size')));
    const records = out.records.map(({ flags, sequence: seq, words: evt }) =>
      evt === undefined ? { flags, seq } : { flags, seq, evt: evt.map(hex16).join(' ') },
    );
    const shown = records.length > 0 ? { records } : {};
    return { errno: errno ?? 'OK', out: { poll_in, bytes: out.bytes, ...shown } };
  }

  /** The test program closes a queue's file before it destroys the queue, unless it says that the file is open. */
  async destroy(args: StepIn, step: Step): Promise<Played> {
    const id = this.names.id(args['id']);
    const kind = this.session.objects.get(id)?.kind;
    if ((kind === 'veventq' || kind === 'fault-queue') && !/\bopen\b/.test(step.case ?? '')) {
      await this.run(closeQueue(this.session, id));
    }
    return this.plain(destroy(this.session, { id }));
  }

  hwInfo(args: StepIn): Played {
    const length = number(args, 'data_len');
    const { errno, out } = getHwInfo(this.session, {
      flags: number(args, 'flags'),
      dev_id: this.names.id(args['dev']),
      data_len: length,
      writable: args['uptr'] !== 'bad',
      in_data_type: number(args, 'in_type', 0),
    });
    const byte = (at: number): string => (out.data[at] ?? FILL).toString(16).padStart(2, '0');
    const word = (at: number): string => [3, 2, 1, 0].map((i) => byte(4 * at + i)).join('');
    return {
      errno: errno ?? 'OK',
      out: {
        out_type: out.data_type,
        data_len: out.data_len,
        buf0: byte(0),
        buf39: byte(39),
        buf40: byte(40),
        buf63: byte(63),
        caps: Number(out.capabilities ?? 0),
        max_pasid_log2: out.max_pasid_log2 ?? 0,
        hw_flags: Number(`0x${word(0)}`),
        idr: [2, 3, 4, 5, 6, 7].map(word),
        iidr: word(8),
        aidr: word(9),
      },
    };
  }

  async invalidate(args: StepIn, step: Step): Promise<Played> {
    const entry_num = number(args, 'entry_num');
    const entry_len = number(args, 'entry_len', COMMAND_BYTES);
    const entries = args['entries'] as readonly string[] | undefined;
    const allocated = entry_num * entry_len < ALLOCATION_MAX;
    const commands =
      entries?.map(words) ?? Array.from({ length: Math.min(entry_num, ENTRIES_MAX) }, () => NH_ALL);
    if (commands.some(([word0]) => (word0! & 0xffn) === 6n)) await this.buffer.restoreCd();
    const target =
      args['target'] === undefined ? this.names.lastOf('viommu') : this.names.id(args['target']);
    const { errno, out } = await this.run(
      hwptInvalidate(this.session, {
        hwpt_id: target,
        data_type: number(args, 'data_type', 1),
        entry_len,
        entry_num,
        data: allocated ? laidOut(commands, entry_len, /nonzero tail/.test(step.case ?? '')) : null,
      }),
    );
    return { errno: errno ?? 'OK', out: { ...out } };
  }

  dma(args: StepIn): Promise<Played> {
    return this.buffer.dma(args);
  }

  peek(args: StepIn): Played {
    return this.buffer.peek(args);
  }

  guestMemory(_args: StepIn, step: Step): Promise<Played> {
    return this.buffer.describe(step);
  }

  remapPage(_args: StepIn, step: Step): Promise<Played> {
    return this.buffer.remapPage(step);
  }

  clearCd(): Promise<Played> {
    return this.buffer.clearCd();
  }

  async vsteSweep(args: StepIn): Promise<Played> {
    const letters: string[] = [];
    const request = {
      flags: 0,
      dev_id: this.names.id(this.devices[0]),
      pt_id: this.names.lastOf('viommu'),
      data_type: 2,
      data_len: COMMAND_BYTES,
    };
    const sweep = vsteSweep(args);
    for (const vste of sweep.values) {
      const { errno, out } = await this.run(
        hwptAlloc(this.session, { ...request, data: bytes(vste) }),
      );
      if (out.id !== undefined) await this.run(destroy(this.session, { id: out.id }));
      letters.push(letter(errno));
    }
    return { errno: 'OK', out: { [sweep.answer]: letters.join('') } };
  }

  async invalidationSweep(args: StepIn, step: Step): Promise<Played> {
    const sweep = invalidationSweep(args, step.case ?? '', this.names.vsidOf(this.devices[0]));
    const letters: string[] = [];
    for (const command of sweep.values) {
      const { errno } = await this.run(
        hwptInvalidate(this.session, {
          hwpt_id: this.names.lastOf('viommu'),
          data_type: 1,
          entry_len: COMMAND_BYTES,
          entry_num: 1,
          data: bytes(command),
        }),
      );
      letters.push(letter(errno));
    }
    return { errno: 'OK', out: { [sweep.answer]: letters.join('') } };
  }

  write(): Played {
    return { errno: writeVeventq().errno, out: {} };
  }

  detach(args: StepIn): Promise<Played> {
    return this.plain(vfioDetach(this.session, text(args, 'dev')));
  }

  close(args: StepIn): Promise<Played> {
    return this.plain(vfioClose(this.session, text(args, 'dev')));
  }

  closeFile(): Promise<Played> {
    return this.plain(closeFile(this.session));
  }

  ioasAlloc(args: StepIn, step: Step): Promise<Played> {
    const request = { flags: number(args, 'flags'), ...sizeOf(args, step) };
    return this.allocate(step.out['id'], ioasAlloc(this.session, request));
  }

  faultAlloc(args: StepIn, step: Step): Promise<Played> {
    const request = { flags: number(args, 'flags', 0) };
    return this.allocate(step.out['id'], faultQueueAlloc(this.session, request));
  }

  /** Runs an allocation; the object gets the name the recording gives it. */
  private async allocate(
    name: unknown,
    conversation: Conversation<{ id?: number }>,
  ): Promise<Played> {
    const { errno, out } = await this.run(conversation);
    if (errno !== undefined || out.id === undefined) return failure(errno);
    if (typeof name !== 'string') return OK;
    this.names.give(name, out.id);
    return { errno: 'OK', out: { id: name } };
  }

  private async plain(conversation: Conversation): Promise<Played> {
    const { errno } = await this.run(conversation);
    return failure(errno);
  }

  private async run<Out>(
    conversation: Conversation<Out>,
  ): Promise<{ readonly errno?: Errno; readonly out: Out }> {
    let next = conversation.next();
    while (next.done !== true) next = conversation.next(await this.pipeline.execute(next.value));
    return next.value;
  }
}

type Handler = (this: Player, args: StepIn, step: Step) => Played | Promise<Played>;

const HANDLERS: Readonly<Record<string, Handler>> = {
  IOMMU_OPEN: Player.prototype.open,
  IOMMU_CLOSE: Player.prototype.closeFile,
  VFIO_OPEN: () => OK,
  VFIO_BIND: Player.prototype.bind,
  VFIO_ATTACH: Player.prototype.attach,
  VFIO_DETACH: Player.prototype.detach,
  VFIO_CLOSE: Player.prototype.close,
  GET_HW_INFO: Player.prototype.hwInfo,
  IOAS_ALLOC: Player.prototype.ioasAlloc,
  IOAS_MAP: Player.prototype.map,
  IOAS_UNMAP: Player.prototype.unmap,
  HWPT_ALLOC: Player.prototype.hwptAlloc,
  HWPT_ALLOC_SWEEP: Player.prototype.vsteSweep,
  HWPT_INVALIDATE: Player.prototype.invalidate,
  HWPT_INVALIDATE_SWEEP: Player.prototype.invalidationSweep,
  VIOMMU_ALLOC: Player.prototype.viommuAlloc,
  VDEVICE_ALLOC: Player.prototype.vdeviceAlloc,
  VEVENTQ_ALLOC: Player.prototype.veventqAlloc,
  VEVENTQ_READ: Player.prototype.readQueue,
  VEVENTQ_WRITE: Player.prototype.write,
  FAULT_QUEUE_ALLOC: Player.prototype.faultAlloc,
  DESTROY: Player.prototype.destroy,
  DMA: Player.prototype.dma,
  PEEK: Player.prototype.peek,
  GUEST_MEM: Player.prototype.guestMemory,
  GUEST_PT_EDIT: Player.prototype.remapPage,
  GUEST_CD_EDIT: Player.prototype.clearCd,
};

function failure(errno: Errno | undefined): Played {
  return { errno: errno ?? 'OK', out: {} };
}

function letter(errno: Errno | undefined): string {
  return errno === undefined ? '.' : (SWEEP_LETTERS[errno] ?? '?');
}

function sizeOf(args: StepIn, step: Step): { size?: number; tail?: boolean } {
  const size = args['size'];
  if (typeof size !== 'number') return {};
  return { size, tail: /nonzero tail/.test(step.case ?? '') };
}

function hex16(word: bigint): string {
  return word.toString(16).padStart(16, '0');
}
