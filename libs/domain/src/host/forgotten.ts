import { COMMANDS, type CommandName } from '@steward/smmu';

/** Whether a name is that of an SMMU command, which a host's driver may forget. */
export function isForgettable(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** Name of an SMMU command, as in CMD_TLBI_NH_ALL without its CMD_. */
export type ForgettableCommand = CommandName;
