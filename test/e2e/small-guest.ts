import 'reflect-metadata';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import {
  ControlModule,
  DecideCommand,
  HostLanes,
  Projection,
  plugIn,
  setUp,
  vsmmuOf,
} from '@steward/control';
import type { Answer, AppliedCommit, GuestPlan } from '@steward/control';
import { toHex } from '@steward/domain';
import type { Command, GuestRegister } from '@steward/domain';
import type { Recording } from '@steward/guest';
import { ReadModels, SqliteLedger } from '@steward/ledger';
import type { Ledger, StoredCommit } from '@steward/ledger';
import { encodeCommand, L1STD } from '@steward/smmu';
import { projectRoot } from '../conformance/project-root';

const IDR = [0x0d44101bn, 0x02730010n, 0n, 0x1414n, 0n, 0x74n];
const RAM = { ipa: 0x4000_0000, size: 0x40_0000, pa: 0x1_0000_0000 };

/** Where the hand-made guest keeps its structures, as IPAs. */
export const LAYOUT = {
  strtab: 0x4000_0000,
  l2: 0x4001_0000,
  cmdq: 0x4010_0000,
  eventq: 0x4011_0000,
} as const;

export const VSID = 0x10;
export const GUEST = 'g';
export const DEVICE = 'g.0010';
const SYNC = [0x0000_0000_0fc0_2046n, 0n] as const;

/** A host with one SMMU and one guest that has enabled its vSMMU, over a ledger in a temporary folder. */
export class SmallGuest {
  private n = 0;
  private last: AppliedCommit | undefined;

  private constructor(
    readonly app: INestApplicationContext,
    readonly ledger: Ledger,
    readonly readModels: ReadModels,
    private readonly folder: string,
  ) {
    app.get(Projection).applied$.subscribe((applied) => (this.last = applied));
  }

  /** The ledger's. */
  get file(): string {
    return join(this.folder, 'ledger.db');
  }

  /** What the machine did about the commit applied last. */
  effectsOfLast(): AppliedCommit['effects'] {
    return this.last?.effects ?? [];
  }

  static async open(folder = mkdtempSync(join(tmpdir(), 'steward-e2e-'))): Promise<SmallGuest> {
    const file = join(folder, 'ledger.db');
    const migrations = join(projectRoot(), 'migrations');
    const ledger = await SqliteLedger.open({ file, migrations, mode: 'create' });
    const readModels = ReadModels.open({ file, migrations, mode: 'write' });
    const module = ControlModule.over({ ledger, readModels });
    const app = await NestFactory.createApplicationContext(module, { logger: ['error'] });
    const guest = new SmallGuest(app, ledger, readModels, folder);
    await app.get(HostLanes).open();
    if ((await ledger.latest()) === 0) await guest.boot();
    guest.n = await ledger.latest();
    return guest;
  }

  /** Closes everything; keeps the folder for a reopen when asked to. Returns the folder. */
  async close({ keep = false } = {}): Promise<string> {
    await this.app.close();
    this.readModels.close();
    await this.ledger.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
    return this.folder;
  }

  issue(actor: string, command: Command, commandId = `test:${++this.n}`): Promise<Answer> {
    const request = { host: 'h', actor, commandId };
    return this.app.get(CommandBus).execute(new DecideCommand(command, request));
  }

  /** The guest writes its vSTE (words 0 and 1) and tells its SMMU: CFGI_STE, SYNC. */
  async changeSte(vste: readonly [bigint, bigint]): Promise<Answer> {
    const at = LAYOUT.l2 + VSID * 64;
    await this.store([
      [at, vste[0]],
      [at + 8, vste[1]],
    ]);
    const cfgi = encodeCommand('CFGI_STE', { StreamID: BigInt(VSID), Leaf: 1n });
    return this.queue([cfgi, SYNC]);
  }

  queue(commands: readonly (readonly [bigint, bigint])[]): Promise<Answer> {
    const words = BigUint64Array.from(commands.flat());
    return this.issue('guest:g', { type: 'QueueGuestCommands', vsmmu: vsmmuOf(GUEST), words });
  }

  store(stores: readonly (readonly [number, bigint])[]): Promise<Answer> {
    const words = BigUint64Array.from(stores.flatMap(([ipa, word]) => [BigInt(ipa), word]));
    const segments = [{ op: 'write' as const, count: stores.length }];
    return this.issue('guest:g', { type: 'GuestActs', vm: GUEST, devices: [], segments, words });
  }

  get machine() {
    return this.app.get(Projection).machine.host('h');
  }

  async commits(after = 0): Promise<StoredCommit[]> {
    const commits: StoredCommit[] = [];
    for await (const commit of this.ledger.commits({ after })) commits.push(commit);
    return commits;
  }

  private async boot(): Promise<void> {
    const memory = [
      { use: 'msi-doorbell', base: '0x8090000', size: '0x1000' },
      { use: 'kernel', base: '0x40000000', size: '0x40000000' },
      { use: 'guest-ram', base: '0x100000000', size: '0x1000000' },
    ] as const;
    const ids = { idr: IDR.map(toHex), iidr: '0x0', aidr: '0x1', switches: {} } as const;
    const machine: Command[] = [
      { type: 'RegisterHost', host: 'h', policy: 'mainline', memory },
      { type: 'AddSmmu', smmu: 's', host: 'h', ...ids },
    ];
    for (const command of [...machine, ...plugIn(PLAN), ...setUp(PLAN)])
      await this.expectAccepted(command);
    const l1 = L1STD.encode({ Span: 9n, L2Ptr: BigInt(LAYOUT.l2) });
    await this.store([[LAYOUT.strtab, l1[0] ?? 0n]]);
    const registers: [GuestRegister, bigint][] = [
      ['STRTAB_BASE', BigInt(LAYOUT.strtab)],
      ['STRTAB_BASE_CFG', 0x10210n],
      ['CMDQ_BASE', BigInt(LAYOUT.cmdq) | 8n],
      ['EVENTQ_BASE', BigInt(LAYOUT.eventq) | 2n],
      ['CR0', 0xdn],
    ];
    for (const [register, value] of registers) {
      const vsmmu = vsmmuOf(GUEST);
      await this.expectAccepted({
        type: 'WriteGuestRegister',
        ...{ vsmmu, register },
        value: toHex(value),
      });
    }
  }

  private async expectAccepted(command: Command): Promise<void> {
    const answer = await this.issue('operator', command);
    if (!answer.ok) throw new Error(`${command.type}: ${answer.errno}, ${answer.reason}`);
  }
}

const PLAN: GuestPlan = {
  name: GUEST,
  host: 'h',
  smmu: 's',
  hostIdr: IDR,
  recording: { doorbells: [], memory: [], streams: [], steps: [] } as unknown as Recording,
  ram: [{ ipa: toHex(RAM.ipa), size: toHex(RAM.size), pa: toHex(RAM.pa) }],
  streamIds: new Map([[VSID, 0x40]]),
  canwbs: true,
  doorbell: 0x8090000,
  passthrough: [],
  replug: [],
};
