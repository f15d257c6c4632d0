import type { Command } from 'commander';
import type { SmmuConfiguration } from '@steward/smmu';
import { CliError, EXIT } from '../exit-codes';

const NAMES = ['idr0', 'idr1', 'idr3', 'idr5', 'aidr'] as const;

/** Values of the registers that say what an SMMU has. */
export type SmmuRegisters = { readonly [N in (typeof NAMES)[number]]?: string };

/**
 * The SMMU on which the recordings were made: both stages, 44-bit addresses, every granule,
 * SMMUv3.1; no ATS, no stalls.
 */
const RECORDED = { idr0: 0x0d44101b, idr1: 0x02730010, idr3: 0x1414, idr5: 0x74, aidr: 1 };

/** `--idr0` … `--aidr`. */
export function withSmmuOptions(command: Command): Command {
  for (const name of NAMES) {
    const register = name.toUpperCase();
    const recorded = `0x${RECORDED[name].toString(16)}`;
    command.option(`--${name} <hex>`, `${register} of the SMMU (default: ${recorded})`);
  }
  return command;
}

/** The SMMU that the options describe. @throws CliError (usage) for a value that is not 32-bit hex. */
export function smmuOf(options: SmmuRegisters): SmmuConfiguration {
  const value = (name: (typeof NAMES)[number]): number => {
    const text = options[name];
    if (text === undefined) return RECORDED[name];
    if (!/^(0x)?[0-9a-f]{1,8}$/i.test(text)) {
      throw new CliError(EXIT.usage, `--${name}: "${text}" is not a 32-bit word in hex`);
    }
    return Number.parseInt(text, 16);
  };
  const idr = [value('idr0'), value('idr1'), 0, value('idr3'), 0, value('idr5')] as const;
  return { idr, iidr: 0, aidr: value('aidr') };
}
