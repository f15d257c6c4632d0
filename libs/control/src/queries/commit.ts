import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { Ledger, ReadModels, StoredCommit, StoredEffect } from '@steward/ledger';
import { LEDGER, READ_MODELS } from '../ports';

/** One commit with its events and effects. */
export class CommitQuery extends Query<
  { commit: StoredCommit; effects: StoredEffect[] } | undefined
> {
  constructor(readonly position: number) {
    super();
  }
}

@QueryHandler(CommitQuery)
export class CommitHandler implements IQueryHandler<CommitQuery> {
  constructor(
    @Inject(LEDGER) private readonly ledger: Ledger,
    @Inject(READ_MODELS) private readonly readModels: ReadModels,
  ) {}

  async execute({ position }: CommitQuery) {
    const commit = await this.ledger.commit(position);
    return commit && { commit, effects: [...this.readModels.effects.read(position)] };
  }
}
