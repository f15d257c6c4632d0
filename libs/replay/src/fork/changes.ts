import { HOST_POLICIES, isForgettable } from '@steward/domain';
import type { Command, FeatureSwitches, ForgettableCommand, Hex, Policy } from '@steward/domain';

/** A wish that no fork can have: an unknown key, a value that is none of its values, a line that holds no command. */
export class ForkSyntaxError extends Error {
  override readonly name = 'ForkSyntaxError';
}

/** What is different from the fork on, of one host or SMMU or of all. */
export type Change = { readonly text: string; readonly of?: string } & (
  | { readonly kind: 'policy'; readonly policy: Policy }
  /** Commands that the driver forgets, of a host that is registered after the fork. */
  | { readonly kind: 'forgets'; readonly commands: readonly ForgettableCommand[] }
  | { readonly kind: 'feature'; readonly switches: FeatureSwitches }
  /** An ID register of an SMMU: sizes, capacities, features. Only of one that is added after the fork. */
  | { readonly kind: 'register'; readonly index: number; readonly word: Hex }
);

const FEATURES: Readonly<Record<string, keyof FeatureSwitches>> = {
  nesting: 'nesting',
  s2fwb: 's2fwb',
  ats: 'ats',
  ril: 'rangeInvalidation',
};

/** The keys and values of a change, for help texts. */
export const CHANGE_FORMS = `policy=${HOST_POLICIES.join('|')}; ${Object.keys(FEATURES).join(', ')}=on|off; forgets=none|CMD_…,CMD_…; idr0 … idr5=0x…; KEY@ID=VALUE for one host or SMMU`;

/** @throws ForkSyntaxError */
export function parseChange(text: string): Change {
  const [, key = '', of, value = ''] = /^([a-z0-9]+)(?:@([^=]+))?=(.*)$/.exec(text) ?? [];
  const about = { text, ...(of !== undefined && { of }) };
  const feature = FEATURES[key];
  if (key === 'forgets') return { ...about, kind: 'forgets', commands: commandsNamed(value) };
  if (key === 'policy') return { ...about, kind: 'policy', policy: policyNamed(value) };
  if (feature !== undefined && (value === 'on' || value === 'off')) {
    return { ...about, kind: 'feature', switches: { [feature]: value === 'on' } };
  }
  const [, index] = /^idr([0-5])$/.exec(key) ?? [];
  if (index !== undefined && /^0x[0-9a-f]{1,8}$/i.test(value)) {
    return { ...about, kind: 'register', index: Number(index), word: value as Hex };
  }
  throw new ForkSyntaxError(`"${text}" is no change: expected ${CHANGE_FORMS}`);
}

function commandsNamed(value: string): ForgettableCommand[] {
  if (value === 'none') return [];
  return value.split(',').map((name) => {
    const command = name.replace(/^CMD_/, '');
    if (isForgettable(command)) return command;
    throw new ForkSyntaxError(`no command "${name}": expected names such as CMD_TLBI_NH_ALL`);
  });
}

function policyNamed(value: string): Policy {
  const policy = HOST_POLICIES.find((name) => name === value);
  if (policy !== undefined) return policy;
  throw new ForkSyntaxError(`no policy "${value}": expected ${HOST_POLICIES.join(' or ')}`);
}

/** A command as the changes have it where they concern what it adds; the same object where none does. */
export function changed(command: Command, changes: readonly Change[]): Command {
  return changes.reduce(changedBy, command);
}

function changedBy(command: Command, change: Change): Command {
  const { of } = change;
  if (command.type === 'RegisterHost' && (of ?? command.host) === command.host) {
    if (change.kind === 'forgets') return { ...command, forgets: change.commands };
    return change.kind === 'policy' ? { ...command, policy: change.policy } : command;
  }
  if (command.type !== 'AddSmmu' || (of ?? command.smmu) !== command.smmu) return command;
  if (change.kind === 'feature') {
    return { ...command, switches: { ...command.switches, ...change.switches } };
  }
  if (change.kind !== 'register') return command;
  return {
    ...command,
    idr: command.idr.map((word, i) => (i === change.index ? change.word : word)),
  };
}
