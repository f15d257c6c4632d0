import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { runSmmuVectors } from '../conformance/smmu/vectors';
import { compareCase, type Histogram } from '../second-reading/comparison';

/** Cases of the second reading; most mutants that the vectors miss fall within the first hundreds. */
const CASES = 4000;

/**
 * Looks for something that is wrong with the model this file was built with: first the recorded vectors, then random
 * cases against the second reading.
 * @param vectors folder of the vectors.
 * @returns what found it, or undefined.
 */
export function findFault(vectors: string): string | undefined {
  for (const name of readdirSync(vectors).sort()) {
    const bytes = readFileSync(join(vectors, name));
    const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    const [failure] = runSmmuVectors([{ name, lines: text.split('\n') }]).failures;
    if (failure !== undefined) return `vector ${failure.id}`;
  }
  const reached: Histogram = new Map();
  for (let seed = 1; seed <= CASES; seed++) {
    if (compareCase(seed, reached) !== undefined) return `second reading, seed ${seed}`;
  }
  return undefined;
}

/** A process of its own for each mutant: its answer is a line on stdout. */
if (require.main === module) {
  let found: string | undefined;
  try {
    found = findFault(process.argv[2] ?? '');
  } catch (error) {
    found = `exception: ${String(error)}`;
  }
  process.stdout.write(`${found ?? ''}\n`);
}
