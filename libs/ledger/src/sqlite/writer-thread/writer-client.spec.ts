import { join } from 'node:path';
import {
  MIGRATIONS,
  draft,
  removeTemporaryDirectories,
  temporaryDirectory,
} from '../../__fixtures__/drafts';
import { encodeDraft } from '../../draft-encoding';
import { packBatch, type PackedBatch } from '../packed-batch';
import { openLedgerFile } from '../ledger-file';
import { WriterClient } from './writer-client';

let client: WriterClient;

const packed = (id: string): PackedBatch => packBatch([encodeDraft(draft(id))]);

beforeEach(() => {
  const file = join(temporaryDirectory(), 'ledger.db');
  openLedgerFile({ file, mode: 'create', migrations: MIGRATIONS }).db.close();
  client = new WriterClient({ file });
});
afterEach(async () => {
  await client.close();
  removeTemporaryDirectories();
});

it('answers batches in the order in which they were asked', async () => {
  const answers = await Promise.all(['a', 'b'].map((id) => client.append(packed(id))));
  expect(answers.flatMap(({ receipts }) => receipts)).toMatchObject([
    { kind: 'appended', position: 1 },
    { kind: 'appended', position: 2 },
  ]);
});

it('lets others have a turn of the event loop between the answers of one transaction', async () => {
  await client.append(packed('first'));
  const turns: number[] = [];
  let turn = 0;
  const count = (): void => void (++turn < 10_000 && setImmediate(count));
  count();
  const ids = ['a', 'b', 'c'];
  const asked = ids.map((id) => client.append(packed(id)));
  await Promise.all(asked.map((answer) => answer.then(() => turns.push(turn))));
  turn = 10_000;
  expect(new Set(turns).size).toBe(ids.length);
});

it('tells all who wait, and whoever comes after, that the thread is gone', async () => {
  const lost = { code: 'outcome-unknown', message: expect.stringMatching(/thread is gone/) };
  const poison = client.append({ ...packed('p'), bytes: new Uint8Array(9) });
  const next = client.append(packed('a'));
  await Promise.all([poison, next].map((asked) => expect(asked).rejects.toMatchObject(lost)));
  await expect(client.append(packed('b'))).rejects.toMatchObject(lost);
});
