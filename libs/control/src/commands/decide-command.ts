import { Command as CqrsCommand } from '@nestjs/cqrs';
import type { Command, Rejection } from '@steward/domain';

/** Who asks, on which host, and under which id a retry would be the same request. */
export interface Request {
  readonly host: string;
  readonly actor: string;
  readonly commandId: string;
  readonly correlationId?: string;
  readonly causationId?: string;
}

export type Answer =
  | { readonly ok: true; readonly position: number }
  | ({ readonly ok: false; readonly position: number } & Rejection);

/** Decide one command of the domain. */
export class DecideCommand extends CqrsCommand<Answer> {
  constructor(
    readonly command: Command,
    readonly request: Request,
  ) {
    super();
  }
}
