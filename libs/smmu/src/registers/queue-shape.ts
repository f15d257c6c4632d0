import { registerField, type RegisterField } from './register-field';
import type { RegisterFile } from './register-file';

/** The registers of a queue, and the size of its entries. */
export interface QueueRegisters {
  readonly address: RegisterField;
  readonly log2Size: RegisterField;
  readonly producer: RegisterField;
  readonly consumer: RegisterField;
  readonly entryBytes: number;
}

export const COMMAND_QUEUE: QueueRegisters = {
  address: registerField('CMDQ_BASE', 'ADDR'),
  log2Size: registerField('CMDQ_BASE', 'LOG2SIZE'),
  producer: registerField('CMDQ_PROD', 'WR'),
  consumer: registerField('CMDQ_CONS', 'RD'),
  entryBytes: 16,
};

export const EVENT_QUEUE: QueueRegisters = {
  address: registerField('EVENTQ_BASE', 'ADDR'),
  log2Size: registerField('EVENTQ_BASE', 'LOG2SIZE'),
  producer: registerField('EVENTQ_PROD', 'WR'),
  consumer: registerField('EVENTQ_CONS', 'RD'),
  entryBytes: 32,
};

/**
 * A circular queue in memory (IHI 0070 §3.5.1). Indexes carry the wrap flag just above their low
 * bits.
 */
export interface QueueShape {
  readonly base: number;
  readonly log2Size: number;
  readonly entryBytes: number;
}

/**
 * Reads a queue's base register. The base is aligned down to the larger of 32 bytes and the queue's
 * size, and the size is capped to what IDR1 offers (IHI 0070 §6.3.26, §6.3.29).
 */
export function queueShape(
  registers: RegisterFile,
  queue: QueueRegisters,
  largestLog2: number,
): QueueShape {
  const { entryBytes } = queue;
  const log2Size = Math.min(registers.field(queue.log2Size), largestLog2);
  const address = registers.field(queue.address) % 2 ** 52;
  const base = address - (address % Math.max(32, entryBytes * 2 ** log2Size));
  return { base, log2Size, entryBytes };
}

/** Physical address of the entry an index points at. */
export function entryAddress(shape: QueueShape, index: number): number {
  return shape.base + (index & (2 ** shape.log2Size - 1)) * shape.entryBytes;
}

/** The index after this one; the wrap flag toggles at the end. */
export function nextIndex(shape: QueueShape, index: number): number {
  return (index + 1) & (2 ** (shape.log2Size + 1) - 1);
}

/** Index and wrap are equal. Bits above the wrap flag are ignored. */
export function isEmpty(shape: QueueShape, producer: number, consumer: number): boolean {
  return ((producer ^ consumer) & (2 ** (shape.log2Size + 1) - 1)) === 0;
}

/** Indexes are equal, wrap flags differ. */
export function isFull(shape: QueueShape, producer: number, consumer: number): boolean {
  return ((producer ^ consumer) & (2 ** (shape.log2Size + 1) - 1)) === 2 ** shape.log2Size;
}
