import {
  AtsDevice,
  encodeCommand,
  PhysicalMemory,
  Smmu,
  type DeviceOutcome,
  type Outcome,
  type TranslationCompletion,
} from '@steward/smmu';
import type { Case } from './cases/case';
import { QUEUES } from './cases/physical';
import type { AtcInvalidation, Translation } from './reading/atc';
import { implementationOf } from './reading/implementation';
import type { Machine } from './reading/machine';
import type { Request } from './reading/transaction';

const COMMANDS = QUEUES.base;
const COMMANDS_LOG2 = 8;
const EVENTS = QUEUES.base + 0x8_0000;

/** How CMD_RESUME ends a stall. */
export type Ending = 'retry' | 'abort' | 'raz-wi';

/** The fast model, set up as a case says. */
export class FastMachine {
  readonly smmu: Smmu;
  private readonly memory: PhysicalMemory;
  /** The device with an ATC: the one whose stream the case is about. */
  private readonly device: AtsDevice;
  /** The SMMU's last answer to it. */
  private completion: TranslationCompletion | undefined;
  private producer = 0;
  /** What became of stalled transactions, in the order they ended. */
  private ended: Outcome[] = [];

  constructor(world: Case) {
    this.memory = new PhysicalMemory([QUEUES, ...world.regions]);
    for (const [pa, word] of world.words) {
      if (this.memory.backed(Number(pa))) this.memory.write64(Number(pa), word);
    }
    // A reading without caches has no STE that answers for its neighbours.
    const caching = { mode: 'adversarial', contiguousHints: false } as const;
    const observer = {
      stallEnded: ({ outcome }: { outcome: Outcome }) => void this.ended.push(outcome),
    };
    this.smmu = new Smmu({ idr: world.idr, iidr: 0, aidr: 1 }, this.memory, observer, caching);
    this.device = this.createDevice(world.streamId);
    const { registers } = world;
    this.smmu.writeRegister('CMDQ_BASE', BigInt(COMMANDS) | BigInt(COMMANDS_LOG2));
    this.smmu.writeRegister('EVENTQ_BASE', BigInt(EVENTS) | 8n);
    this.smmu.writeRegister('CR2', registers.CR2);
    this.smmu.writeRegister('GBPA', registers.GBPA | (1n << 31n));
    this.smmu.writeRegister('STRTAB_BASE', registers.STRTAB_BASE);
    this.smmu.writeRegister('STRTAB_BASE_CFG', registers.STRTAB_BASE_CFG);
    this.smmu.writeRegister('CR0', registers.CR0);
  }

  read(pa: bigint): bigint | undefined {
    return this.memory.backed(Number(pa)) ? this.memory.read64(Number(pa)) : undefined;
  }

  write(pa: bigint, word: bigint): void {
    if (this.memory.backed(Number(pa))) this.memory.write64(Number(pa), word);
  }

  private createDevice(streamId: number): AtsDevice {
    const { smmu } = this;
    const services = {
      access: (t: Request): Outcome => smmu.access(t),
      translationRequest: (request: Parameters<Smmu['translationRequest']>[0]) =>
        (this.completion = smmu.translationRequest(request)),
      connectAtc: (...connected: Parameters<Smmu['connectAtc']>) => smmu.connectAtc(...connected),
    };
    return new AtsDevice(services, streamId);
  }

  /** One access by the device with the ATC, and the completion it asked for on the way, if it did. */
  accessByDevice(request: Request): {
    outcome: DeviceOutcome;
    completion: TranslationCompletion | undefined;
  } {
    this.completion = undefined;
    const outcome = this.device.access(request);
    return { outcome, completion: this.completion };
  }

  /** What of these the device's ATC has, and how many translations it has in all. */
  cachedOf(translations: readonly Translation[]): string {
    const { atc } = this.device;
    const known = translations.filter(({ substreamId, privileged, first, ...kept }) => {
      const tag = { ...(substreamId !== undefined && { substreamId }), privileged };
      const entry = atc.lookup(tag, first);
      return entry?.output === Number(kept.output) && entry.sizeLog2 === kept.sizeLog2;
    });
    return `${known.length} of ${atc.count}`;
  }

  /** Makes the device's ATC forget a span (§4.5.1). */
  invalidateAtc({ substreamId, global, address, size }: AtcInvalidation): void {
    const pasid = substreamId === undefined ? {} : { SSV: 1n, SubstreamID: BigInt(substreamId) };
    this.command(
      encodeCommand('ATC_INV', {
        StreamID: BigInt(this.device.streamId),
        ...pasid,
        Global: global ? 1n : 0n,
        Address: (address >> 12n) << 12n,
        Size: BigInt(size),
      }),
    );
  }

  /** Terminates whatever of a stream is stalled (§4.7.2), and says what became of it. */
  terminateStream(streamId: number): readonly Outcome[] {
    this.ended = [];
    this.command(encodeCommand('STALL_TERM', { StreamID: BigInt(streamId) }));
    return this.ended;
  }

  /** Makes every cache forget everything (IHI 0070 §4.3.6, §4.4). */
  invalidateAll(hyp: boolean): void {
    this.command(encodeCommand('CFGI_STE_RANGE', { Range: 31n }));
    this.command(encodeCommand('TLBI_NSNH_ALL', {}));
    if (hyp) this.command(encodeCommand('TLBI_EL2_ALL', {}));
    this.command(encodeCommand('SYNC', {}));
  }

  /** Ends one stalled transaction as software does (§4.7.1), and says what became of it. */
  resume(streamId: number, stag: number, ending: Ending): Outcome | undefined {
    this.ended = [];
    const Ac = ending === 'retry' ? 1n : 0n;
    const Ab = ending === 'abort' ? 1n : 0n;
    const operands = { StreamID: BigInt(streamId), STAG: BigInt(stag), Ac, Ab };
    this.command(encodeCommand('RESUME', operands));
    return this.ended[0];
  }

  private command(words: readonly [bigint, bigint]): void {
    const at = COMMANDS + 16 * (this.producer % 2 ** COMMANDS_LOG2);
    this.memory.write64(at, words[0]);
    this.memory.write64(at + 8, words[1]);
    this.producer = (this.producer + 1) % 2 ** (COMMANDS_LOG2 + 1);
    this.smmu.writeRegister('CMDQ_PROD', BigInt(this.producer));
  }
}

/** The second reading, with the same memory and registers. */
export function secondMachine(world: Case): Machine {
  const words = new Map(world.words);
  const regions = [QUEUES, ...world.regions].map(({ base, size }) => ({
    from: BigInt(base),
    to: BigInt(base) + BigInt(size),
  }));
  const backed = (pa: bigint): boolean => regions.some(({ from, to }) => pa >= from && pa < to);
  return {
    implementation: implementationOf(world.idr),
    registers: world.registers,
    memory: {
      read: (pa) => (backed(pa) ? (words.get(pa) ?? 0n) : undefined),
      write: (pa, word) => {
        if (backed(pa)) words.set(pa, word);
      },
    },
  };
}
