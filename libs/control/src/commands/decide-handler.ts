import { CommandHandler } from '@nestjs/cqrs';
import type { ICommandHandler } from '@nestjs/cqrs';
import { HostLanes } from './host-lanes';
import { DecideCommand } from './decide-command';
import type { Answer } from './decide-command';

@CommandHandler(DecideCommand)
export class DecideHandler implements ICommandHandler<DecideCommand> {
  constructor(private readonly lanes: HostLanes) {}

  execute({ command, request }: DecideCommand): Promise<Answer> {
    return this.lanes.execute(command, request);
  }
}
