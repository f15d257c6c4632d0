import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '../project-root';
import type { GroundTruth, Scenario } from './recording-format';

const FOLDER = join(projectRoot(), 'test/fixtures/ground-truth');

/** The scenarios of one recording of the kernel, or of all. */
export function recordedScenarios(file?: string): readonly Scenario[] {
  return readdirSync(FOLDER).flatMap((name) => {
    if (file !== undefined && name.split('.')[0] !== file) return [];
    const bytes = readFileSync(join(FOLDER, name));
    const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    return (JSON.parse(text) as Partial<GroundTruth>).scenarios ?? [];
  });
}
