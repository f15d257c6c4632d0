import { Module } from '@nestjs/common';
import type { DynamicModule, Provider } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { Ledger, ReadModels } from '@steward/ledger';
import { AggregateStates } from './commands/aggregate-states';
import { CommitWriter } from './commands/commit-writer';
import { DecideHandler } from './commands/decide-handler';
import { HostLanes } from './commands/host-lanes';
import { ForkRunner } from './fork/fork-runner';
import { CLOCK, LEDGER, NO_SNAPSHOTS, READ_MODELS, SNAPSHOTS } from './ports';
import type { Clock, SnapshotTrigger } from './ports';
import { ProcessManagers } from './process-managers/process-managers';
import { Projection } from './projection/projection';
import { AttachmentsHandler } from './queries/attachments';
import { CommitHandler } from './queries/commit';
import { ScenarioRunner } from './scenario/scenario-runner';

const commandHandlers: Provider[] = [DecideHandler];
const queryHandlers: Provider[] = [AttachmentsHandler, CommitHandler];
const services: Provider[] = [
  ...[AggregateStates, CommitWriter, HostLanes, ProcessManagers, Projection, ScenarioRunner],
  ForkRunner,
];

export interface ControlOptions {
  /** Told of what was committed; by default no snapshots are taken. */
  readonly snapshots?: SnapshotTrigger;
  readonly ledger: Ledger;
  readonly readModels: ReadModels;
  /** The system's clock unless a simulation brings its own. */
  readonly clock?: Clock;
}

@Module({})
export class ControlModule {
  static over({ ledger, readModels, clock, snapshots }: ControlOptions): DynamicModule {
    const ports: Provider[] = [
      { provide: LEDGER, useValue: ledger },
      { provide: READ_MODELS, useValue: readModels },
      { provide: SNAPSHOTS, useValue: snapshots ?? NO_SNAPSHOTS },
      { provide: CLOCK, useValue: clock ?? (() => new Date().toISOString()) },
    ];
    return {
      module: ControlModule,
      imports: [CqrsModule.forRoot()],
      providers: [...ports, ...services, ...commandHandlers, ...queryHandlers],
      exports: [ForkRunner, HostLanes, Projection, ScenarioRunner],
    };
  }
}
