import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import type { IQueryHandler } from '@nestjs/cqrs';
import type { AttachmentQuery, AttachmentSpan, ReadModels } from '@steward/ledger';
import { READ_MODELS } from '../ports';

/** Which device was attached to what, when and by whom. */
export class AttachmentsQuery extends Query<AttachmentSpan[]> {
  constructor(readonly filter: AttachmentQuery) {
    super();
  }
}

@QueryHandler(AttachmentsQuery)
export class AttachmentsHandler implements IQueryHandler<AttachmentsQuery> {
  constructor(@Inject(READ_MODELS) private readonly readModels: ReadModels) {}

  async execute({ filter }: AttachmentsQuery): Promise<AttachmentSpan[]> {
    return [...this.readModels.attachments.find(filter)];
  }
}
