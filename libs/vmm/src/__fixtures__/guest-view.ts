import type { Command, GuestRegister } from '@steward/domain';
import type { Answer, Reaction } from '../restage';
import type { VsmmuView } from '../view';

/** Word 0 of vSTEs with V=1. */
export const S1 = 0xbn;
export const BYPASS = 0x9n;

export const TABLE = 0x1000;

interface Given {
  readonly registers?: Partial<Record<GuestRegister, bigint>>;
  /** RAM by IPA; everything in 0..2^20 that is not named reads as zero. */
  readonly ram?: ReadonlyMap<number, bigint>;
  readonly vdevices?: ReadonlyMap<number, string>;
  readonly attached?: ReadonlyMap<string, string>;
}

/** A vSMMU with SMMUEN and EVENTQEN on and a linear stream table of 64 entries at `TABLE`. */
export function guestView(given: Given = {}): VsmmuView {
  const registers: Partial<Record<GuestRegister, bigint>> = {
    CR0: 0b101n,
    STRTAB_BASE: BigInt(TABLE),
    STRTAB_BASE_CFG: 6n,
    ...given.registers,
  };
  return {
    vsmmu: 'vs',
    register: (name) => registers[name] ?? 0n,
    readGuest: (ipa) => (ipa < 2 ** 20 ? (given.ram?.get(ipa) ?? 0n) : undefined),
    vdevices: given.vdevices ?? new Map([[8, 'd8']]),
    attached: given.attached ?? new Map(),
  };
}

/** RAM of a linear stream table: word 0 of the vSTE of each vSID. */
export function streamTable(stes: Readonly<Record<number, bigint>>): Map<number, bigint> {
  return new Map(Object.entries(stes).map(([vsid, low]) => [TABLE + Number(vsid) * 64, low]));
}

/** Runs a reaction to its end; `refuses` says which commands are answered with a rejection. */
export function run(
  reaction: Reaction,
  refuses: (command: Command) => boolean = () => false,
): Command[] {
  const commands: Command[] = [];
  let answer: Answer = { ok: true };
  for (;;) {
    const step = reaction.next(answer);
    if (step.done) return commands;
    commands.push(step.value);
    answer = { ok: !refuses(step.value) };
  }
}

export const name = (n: number): string => `n${n}`;

/** Commands in short: what the claims are about. */
export function brief(commands: readonly Command[]): string[] {
  return commands.map((command) => {
    switch (command.type) {
      case 'AllocateNestedDomain':
        return `allocate ${command.domain} ${command.vste.join(' ')}`;
      case 'AttachDevice':
        return `attach ${command.device} ${command.target.id}`;
      case 'FreeNestedDomain':
        return `free ${command.domain}`;
      case 'ForwardInvalidations':
        return `forward ${command.words.length / 2}`;
      case 'CompleteGuestCommands':
        return `complete ${command.cons}${command.error === undefined ? '' : ` ${command.error}`}`;
      default:
        return command.type;
    }
  });
}
