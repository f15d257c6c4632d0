import { COMMANDS, commandName, STE, STE_CONFIG } from '@steward/smmu';
import { line, words } from './recording-format';

/** What the kernel chooses anew in each run: addresses of its tables, VMIDs of an SMMU, ASIDs. */
type Chosen = 'address' | 'asid' | `vmid@${string}`;

/**
 * Compares words in which run-specific values stand for themselves: the recorded one and ours may differ, but the same one must
 * always meet the same other.
 */
export class Renaming {
  private readonly ours = new Map<string, bigint>();
  private readonly theirs = new Map<string, bigint>();

  /** An address of ours is free again: whatever it met before, its next user is another. */
  forgetAddress(ours: bigint): void {
    const theirs = this.ours.get(key('address', ours));
    if (theirs === undefined) return;
    this.ours.delete(key('address', ours));
    this.theirs.delete(key('address', theirs));
  }

  /** Our command as the recording would write it. */
  command(smmu: string, command: readonly bigint[], recorded: string | undefined): string {
    const name = commandName([command[0]!, command[1]!]);
    if (name === undefined || !name.startsWith('TLBI_')) return line(command);
    const { layout } = COMMANDS[name];
    if (!('VMID' in layout.fields)) return line(command);
    const theirs = recorded === undefined ? undefined : words(recorded);
    const vmid = layout.get(command, 'VMID');
    const field = vmid !== 0n ? 'VMID' : 'ASID';
    if (!(field in layout.fields)) return line(command);
    const chosen = vmid !== 0n ? (`vmid@${smmu}` as const) : 'asid';
    const met = this.meet(chosen, layout.get(command, field), theirs && layout.get(theirs, field));
    return line(layout.encode({ [field]: met }, [...command]));
  }

  /** Our STE as the recording would write it. */
  ste(smmu: string, ste: readonly bigint[], recorded: readonly string[] | undefined): string {
    const theirs = recorded && words(recorded.join(' '));
    const fields: Record<string, bigint> = {};
    const rename = (field: 'S1ContextPtr' | 'S2VMID' | 'S2TTB', chosen: Chosen): void => {
      const value = STE.get(ste, field);
      if (value !== 0n) fields[field] = this.meet(chosen, value, theirs && STE.get(theirs, field));
    };
    if (STE.get(ste, 'Config') === STE_CONFIG.S1) rename('S1ContextPtr', 'address');
    rename('S2VMID', `vmid@${smmu}`);
    rename('S2TTB', 'address');
    return line(STE.encode(fields, [...ste]));
  }

  private meet(chosen: Chosen, ours: bigint, theirs: bigint | undefined): bigint {
    const known = this.ours.get(key(chosen, ours));
    if (known !== undefined) return known;
    if (theirs === undefined || theirs === 0n || this.theirs.has(key(chosen, theirs))) return ours;
    this.ours.set(key(chosen, ours), theirs);
    this.theirs.set(key(chosen, theirs), ours);
    return theirs;
  }
}

function key(chosen: Chosen, value: bigint): string {
  return `${chosen}:${value}`;
}
