import { packReceipts, unpackReceipts, type Receipt } from './messages';

const hash = (digit: string): string => digit.repeat(64);

it('gives back every receipt in its place, whichever drafts were written', () => {
  const conflict: Receipt = { kind: 'conflict', stream: 's', expected: 1, actual: 2 };
  const appended = (position: number): Receipt => ({
    kind: 'appended',
    position,
    hash: hash(`${position}`),
  });
  const receipts: readonly Receipt[] = [
    conflict,
    appended(4),
    { kind: 'duplicate', position: 4 },
    appended(5),
    appended(6),
    { kind: 'failed', code: 'corrupt', message: 'm' },
  ];
  expect(unpackReceipts(packReceipts(receipts))).toEqual(receipts);
  expect(unpackReceipts(packReceipts([conflict]))).toEqual([conflict]);
  expect(unpackReceipts(packReceipts([]))).toEqual([]);
});
