import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { INestApplicationContext } from '@nestjs/common';
import type { Command as DomainCommand, HostState } from '@steward/domain';
import { CliError, EXIT } from '../exit-codes';
import { withControl } from '../ledger-access';
import { withLedgerOption } from '../options';
import { print, printJson } from '../output';

interface CloseFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly host: string;
  readonly release?: boolean;
}

export function closeCommand(program: Command): void {
  withLedgerOption(program.command('close'))
    .description(
      'close a host for good: nothing is decided about it any more, so it can be archived',
    )
    .requiredOption('--host <id>', 'the host')
    .option('--release', 'first release every device that a guest holds, as VMMs that end do')
    .action((flags: CloseFlags) => run(flags));
}

const ACTOR = 'operator';

async function run({ ledger: file, host, release, json }: CloseFlags): Promise<void> {
  await withControl(file, 'write', async (app) => {
    const { AggregateStates, HostLanes } = await import('@steward/control');
    await app.get(HostLanes).open();
    const states = app.get(AggregateStates);
    const state = await states.get('host', host);
    if (state === undefined) throw new CliError(EXIT.notFound, `no host ${host} in ${file}`);
    const held = release ? await heldDevices(state, (id) => states.get('device', id)) : [];
    for (const device of held) await ask(app, { type: 'ReleaseDevice', device }, host);
    const position = await ask(app, { type: 'CloseHost', host }, host);
    if (json) printJson({ host, position, released: held.length });
    else print(`${host} is closed, at commit ${position}; ${held.length} devices were released`);
  });
}

async function heldDevices(
  { devices }: HostState,
  get: (id: string) => Promise<{ readonly vm?: string } | undefined>,
): Promise<readonly string[]> {
  const held: string[] = [];
  for (const id of devices) if ((await get(id))?.vm !== undefined) held.push(id);
  return held;
}

/** @returns the commit. @throws CliError with the errno of a refusal. */
async function ask(
  app: INestApplicationContext,
  command: DomainCommand,
  host: string,
): Promise<number> {
  const { HostLanes } = await import('@steward/control');
  const request = { host, actor: ACTOR, commandId: randomUUID() };
  const answer = await app.get(HostLanes).execute(command, request);
  if (answer.ok) return answer.position;
  const { errno, reason } = answer;
  throw new CliError(EXIT.refused, `${command.type} is refused: ${errno}, ${reason}`);
}
