export { AttachmentSpans } from './attachment-spans';
export type { SteOf } from './attachment-spans';
export { EffectTotals, isInvalidation } from './effect-totals';
export type { DmaTotals } from './effect-totals';
