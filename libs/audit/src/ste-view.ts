import { hex64, STE } from '@steward/smmu';

/** An STE for JSON: its words, and by name the fields that are not zero, as meaning or `0x…`. */
export interface SteView {
  readonly words: readonly string[];
  readonly fields: Readonly<Record<string, string>>;
}

/** The view of the 8 words of an STE (IHI 0070 §5.2). */
export function steView(words: readonly bigint[]): SteView {
  const fields = STE.view(words)
    .filter(({ value }) => value !== 0n)
    .map(({ name, value, meaning }) => [name, meaning ?? `0x${value.toString(16)}`] as const);
  return { words: words.map(hex64), fields: Object.fromEntries(fields) };
}
