import { commandName, type CommandName, type CommandWords } from '@steward/smmu';
import type { SimulatedAction } from '@steward/guest';
import {
  Changed,
  Delayed,
  Dropped,
  Early,
  Postponed,
  WrittenLate,
  type Planted,
} from './command-defects';

/** Who has the defect; whoever finds it must blame them. */
export type Owner = 'host driver' | 'VMM' | 'guest';

/** A defect that simulations plant, and must catch. */
export interface Defect {
  /** Such as `drop.TLBI_NH_ALL`. */
  readonly name: string;
  readonly owner: Owner;
  /** The fleet has devices with ATS and an ATC. */
  readonly ats?: true;
  /** Between driver and queue. */
  readonly tap?: (position: () => number) => Planted;
  /** What the guest does instead of an action; nothing: it forgets it. */
  readonly guest?: (action: SimulatedAction) => SimulatedAction | undefined;
  /** Commands that the VMM does not give. */
  readonly vmmSkips?: 'ForwardInvalidations';
}

const DRIVER: readonly CommandName[] = [
  'CFGI_STE',
  'CFGI_CD',
  'TLBI_NH_ASID',
  'TLBI_NH_VA',
  'TLBI_S2_IPA',
  'TLBI_NH_ALL',
  'TLBI_S12_VMALL',
];
const GUESTS: readonly CommandName[] = [
  'CFGI_CD',
  'TLBI_NH_ASID',
  'TLBI_NH_VA',
  'TLBI_NH_VAA',
  'TLBI_NH_ALL',
];

type Kind = new (
  target: { readonly command: CommandName; readonly origin: 'driver' | 'guest' },
  position: () => number,
) => Planted;

const ATC_INV = { command: 'ATC_INV', origin: 'driver' } as const;

const KINDS: Readonly<Record<string, Kind>> = {
  drop: Dropped,
  delay: Delayed,
  postpone: Postponed,
};

const ATC: readonly Defect[] = [
  ...Object.entries(KINDS).map(([kind, Class]): Defect => ({
    ...{ name: `${kind}.ATC_INV`, owner: 'host driver', ats: true },
    tap: (at) => new Class({ command: 'ATC_INV', origin: 'driver' }, at),
  })),
  {
    ...{ name: 'wrong.ATC_INV.StreamID.next', owner: 'host driver', ats: true },
    tap: (at) => new Changed({ ...ATC_INV, field: 'StreamID', change: (v) => v ^ 1n }, at),
  },
  {
    ...{ name: 'wrong.ATC_INV.Size.page', owner: 'host driver', ats: true },
    tap: (at) => new Changed({ ...ATC_INV, field: 'Size', change: () => 0n }, at),
  },
  {
    ...{ name: 'early.ATC_INV', owner: 'host driver', ats: true },
    tap: (at) => new Early(ATC_INV, at),
  },
  {
    ...{ name: 'forwarded.drop.ATC_INV', owner: 'host driver', ats: true },
    tap: (at) => new Dropped({ command: 'ATC_INV', origin: 'guest' }, at),
  },
  {
    ...{
      name: 'forwarded.wrong.ATC_INV.StreamID.of-another-vdevice',
      owner: 'host driver',
      ats: true,
    },
    tap: (at) =>
      new Changed(
        { command: 'ATC_INV', origin: 'guest', field: 'StreamID', change: (v) => v ^ 1n },
        at,
      ),
  },
  {
    ...{ name: 'guest.forgets.ATC_INV', owner: 'guest', ats: true },
    guest: (action) => forgetting(action, 'ATC_INV'),
  },
];

/** Fields with a wrong value: what happens to it. */
const WRONG: readonly {
  readonly command: CommandName;
  readonly field: string;
  readonly how: string;
  readonly change: (value: bigint) => bigint;
}[] = [
  { command: 'CFGI_STE', field: 'StreamID', how: 'next', change: (v) => v + 1n },
  { command: 'CFGI_CD', field: 'StreamID', how: 'next', change: (v) => v ^ 1n },
  { command: 'CFGI_CD', field: 'SubstreamID', how: 'next', change: (v) => v + 1n },
  { command: 'TLBI_NH_ASID', field: 'ASID', how: 'next', change: (v) => v + 1n },
  { command: 'TLBI_NH_ASID', field: 'VMID', how: 'next', change: (v) => v + 1n },
  { command: 'TLBI_NH_VA', field: 'ASID', how: 'next', change: (v) => v + 1n },
  { command: 'TLBI_NH_VA', field: 'Address', how: 'far', change: (v) => v ^ (1n << 40n) },
  { command: 'TLBI_NH_VA', field: 'NUM', how: 'none', change: () => 0n },
  { command: 'TLBI_S2_IPA', field: 'VMID', how: 'next', change: (v) => v + 1n },
  { command: 'TLBI_S2_IPA', field: 'Address', how: 'far', change: (v) => v ^ (1n << 40n) },
  { command: 'TLBI_S2_IPA', field: 'NUM', how: 'none', change: () => 0n },
  { command: 'TLBI_S2_IPA', field: 'Leaf', how: 'always', change: () => 1n },
  { command: 'TLBI_NH_ALL', field: 'VMID', how: 'next', change: (v) => v + 1n },
  { command: 'TLBI_S12_VMALL', field: 'VMID', how: 'next', change: (v) => v + 1n },
];

/** A guest's command whose tags the driver translates wrongly, or not at all. */
const UNTRANSLATED: typeof WRONG = [
  { command: 'TLBI_NH_VA', field: 'VMID', how: 'none', change: () => 0n },
  { command: 'TLBI_NH_ASID', field: 'VMID', how: 'none', change: () => 0n },
  { command: 'TLBI_NH_ALL', field: 'VMID', how: 'next', change: (v) => v + 1n },
  { command: 'CFGI_CD', field: 'StreamID', how: 'of-another-vdevice', change: (v) => v ^ 1n },
];

const LATE: readonly CommandName[] = ['CFGI_STE', 'CFGI_CD', 'TLBI_S2_IPA', 'TLBI_NH_VA'];

/** Every defect, by name. */
export const DEFECTS: readonly Defect[] = [
  ...Object.entries(KINDS).flatMap(([kind, Class]) =>
    DRIVER.map((command): Defect => {
      const target = { command, origin: 'driver' } as const;
      return {
        name: `${kind}.${command}`,
        owner: 'host driver',
        tap: (at) => new Class(target, at),
      };
    }),
  ),
  driverDefect('drop.SYNC', (at) => new Dropped({ command: 'SYNC', origin: 'driver' }, at)),
  ...WRONG.map(({ command, field, how, change }) =>
    driverDefect(
      `wrong.${command}.${field}.${how}`,
      (at) => new Changed({ command, origin: 'driver', field, change }, at),
    ),
  ),
  ...LATE.map((command) =>
    driverDefect(
      `late-write.${command}`,
      (at) => new WrittenLate({ command, origin: 'driver' }, at),
    ),
  ),
  ...GUESTS.map((command) =>
    driverDefect(
      `forwarded.drop.${command}`,
      (at) => new Dropped({ command, origin: 'guest' }, at),
    ),
  ),
  ...UNTRANSLATED.map(({ command, field, how, change }) =>
    driverDefect(
      `forwarded.wrong.${command}.${field}.${how}`,
      (at) => new Changed({ command, origin: 'guest', field, change }, at),
    ),
  ),
  ...ATC,
  { name: 'vmm.does-not-forward', owner: 'VMM', vmmSkips: 'ForwardInvalidations' },
  ...(['TLBI_NH_VA', 'TLBI_NH_ASID', 'CFGI_CD'] as const).map((command): Defect => ({
    name: `guest.forgets.${command}`,
    owner: 'guest',
    guest: (action) => forgetting(action, command),
  })),
];

function driverDefect(name: string, tap: NonNullable<Defect['tap']>): Defect {
  return { name, owner: 'host driver', tap };
}

function forgetting(action: SimulatedAction, command: CommandName): SimulatedAction {
  if (action.kind !== 'commands') return action;
  const isKept = (words: CommandWords): boolean => commandName(words) !== command;
  return { ...action, commands: action.commands.filter(isKept) };
}
