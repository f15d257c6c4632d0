import { encodeDma, toHex } from '@steward/domain';
import type { Command, DmaAccess, RamRange } from '@steward/domain';

/**
 * A device that a guest has beside those of its recording: without a vSMMU, so that its addresses are the guest's own, translated
 * by a stage-1 domain of the kernel over the guest's RAM.
 */
export interface PassthroughDevice {
  readonly device: string;
  readonly streamId: number;
  readonly ats: boolean;
  /** It translates through an Address Translation Cache. */
  readonly atc: boolean;
  /** log2 of the PASIDs it can send; absent: none. */
  readonly pasidBits?: number | undefined;
  /** PASIDs that its VMM attaches to the same domain. */
  readonly pasids: readonly number[];
}

/** A guest with such devices. */
export interface PassthroughGuest {
  readonly name: string;
  readonly ram: readonly RamRange[];
  readonly passthrough: readonly PassthroughDevice[];
}

const PAGE = 4096n;

/** What the VMM does for them: one domain for them all, each device on it, and then its PASIDs. */
export function* passThrough({ name, passthrough }: PassthroughGuest): Generator<Command> {
  const [first] = passthrough;
  if (first === undefined) return;
  const domain = `${name}.passthrough`;
  const target = { kind: 's1-domain', id: domain } as const;
  for (const { device } of passthrough) yield { type: 'BindDevice', device, vm: name };
  const made = { domain, ioas: `${name}.ioas`, device: first.device, pasid: true } as const;
  yield { type: 'AllocateS1Domain', ...made };
  for (const { device, pasids } of passthrough) {
    yield { type: 'AttachDevice', device, target };
    for (const pasid of pasids) {
      yield { type: 'AttachPasid', device, pasid, target, holder: 'iommufd' };
    }
  }
}

/**
 * Each device reads and writes one page of the guest's RAM, without a PASID and with each: a page further at every round. All of it
 * must end where the guest's RAM is.
 */
export function passthroughDma(guest: PassthroughGuest, round: number): Command {
  const { name: vm, ram, passthrough } = guest;
  const accesses: DmaAccess[] = [];
  const iova = pageOf(ram, BigInt(round));
  passthrough.forEach(({ pasids }, device) => {
    const expect = { kind: 'ok', ipa: Number(iova), readable: true, writable: true } as const;
    for (const pasid of [undefined, ...pasids]) {
      for (const write of [false, true]) {
        accesses.push({ device, stream: 0, write, iova, pasid, expect });
      }
    }
  });
  const segments = [{ op: 'dma', count: accesses.length }] as const;
  const devices = passthrough.map(({ device }) => device);
  return { type: 'GuestActs', vm, devices, segments, words: encodeDma(accesses) };
}

/** The page of a guest's RAM that a round is about. */
function pageOf(ram: readonly RamRange[], round: bigint): bigint {
  const pages = ram.map(({ size }) => BigInt(size) / PAGE);
  const all = pages.reduce((sum, count) => sum + count, 0n);
  let page = round % all;
  for (const [i, { ipa }] of ram.entries()) {
    if (page < pages[i]!) return BigInt(ipa) + page * PAGE;
    page -= pages[i]!;
  }
  throw new RangeError(`no RAM holds round ${toHex(round)}`);
}
