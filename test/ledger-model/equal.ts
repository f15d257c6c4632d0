import { isDeepStrictEqual } from 'node:util';

/** The ledger did something else than the model. */
export class DifferenceFound extends Error {
  override readonly name = 'DifferenceFound';
}

const SHOWN = 400;

/** @throws DifferenceFound naming what differs. */
export function equal(found: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(found, expected)) return;
  const show = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, SHOWN);
  throw new DifferenceFound(`${what}: found ${show(found)}, expected ${show(expected)}`);
}
