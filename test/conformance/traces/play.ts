import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import {
  ControlModule,
  parseScenario,
  ScenarioRefusedError,
  ScenarioRunner,
} from '@steward/control';
import type { RunTotals } from '@steward/control';
import type { Recording } from '@steward/guest';
import { ReadModels, SqliteLedger } from '@steward/ledger';
import { stringify } from 'yaml';
import { projectRoot } from '../project-root';
import type { PlayFailure, PlayResult } from './suite';

/** IDR0.S2P: the physical SMMU under a nested guest has a stage 2, whatever its guest was shown. */
const S2P = 1;

/** Plays a recording as the one guest of a host, through the real pipeline and a ledger of its own. */
export async function playNested(recording: Recording): Promise<PlayResult> {
  const folder = mkdtempSync(join(tmpdir(), 'steward-conformance-'));
  try {
    const totals = await run(recording, join(folder, 'ledger.db'));
    return { dma: dmaOf(totals), phaseEndStes: stesOf(totals) };
  } catch (error) {
    if (!(error instanceof ScenarioRefusedError)) throw error;
    const refused = { step: 'play', expected: 'every command accepted', actual: error.message };
    return {
      dma: { checked: 0, failures: [refused] },
      phaseEndStes: { checked: 0, failures: [] },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(recording: Recording, file: string): Promise<RunTotals> {
  const migrations = join(projectRoot(), 'migrations');
  const ledger = await SqliteLedger.open({ file, migrations, mode: 'create' });
  const readModels = ReadModels.open({ file, migrations, mode: 'write' });
  const module = ControlModule.over({ ledger, readModels });
  const app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
  try {
    return await app.get(ScenarioRunner).run(scenarioOf(recording), [recording], { seed: 1 });
  } finally {
    await app.close();
    readModels.close();
    await ledger.close();
  }
}

function scenarioOf({ smmu }: Recording): ReturnType<typeof parseScenario> {
  const [idr0, ...rest] = smmu.idr;
  const scenario = {
    name: 'conformance',
    host: { id: 'host0' },
    smmus: [{ id: 'smmu0', idr: [idr0 | S2P, ...rest], iidr: smmu.iidr, aidr: smmu.aidr }],
    guests: [{ name: 'guest', smmu: 'smmu0', recording: 'given' }],
  };
  return parseScenario(stringify(scenario), 'the conformance runner');
}

function dmaOf({ effects }: RunTotals): PlayResult['dma'] {
  const { accesses, mismatched } = effects.dma;
  const failures: PlayFailure[] = effects.mismatches.map((actual) => ({
    step: 'dma',
    expected: 'the recorded output and permission',
    actual,
  }));
  // An effect describes only the first mismatches of a batch; the others count all the same.
  while (failures.length < mismatched) {
    failures.push({ step: 'dma', expected: 'as recorded', actual: 'a further mismatch' });
  }
  return { checked: accesses, failures };
}

function stesOf({ stes }: RunTotals): PlayResult['phaseEndStes'] {
  const failures = stes.mismatches.map(({ device, expected, actual }) => ({
    step: `phase-end STE of ${device}`,
    expected,
    actual,
  }));
  return { checked: stes.compared, failures };
}
