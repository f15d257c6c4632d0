import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';

const DEFAULT_LEDGER = '.steward/ledger.db';

/** `--ledger` and `--json`, which every command but `decode` and `import` has. */
export function withLedgerOption(command: Command): Command {
  return withJsonOption(command.option('--ledger <file>', 'ledger file', DEFAULT_LEDGER));
}

export function withJsonOption(command: Command): Command {
  return command.option('--json', 'machine-readable output');
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('expected a whole number from 1 on.');
  }
  return value;
}

export function nonNegativeInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('expected a whole number from 0 on.');
  }
  return value;
}

/** A 64-bit address given as 0x…. */
export function hexAddress(text: string): bigint {
  if (!/^0x[0-9a-f]{1,16}$/i.test(text)) throw new InvalidArgumentError('expected 0x… in hex.');
  return BigInt(text);
}
