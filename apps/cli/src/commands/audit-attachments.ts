import type { Attempt, AttachmentQuery, AttachmentSpan, ReadModels } from '@steward/ledger';
import { decodeEntry, oneLine } from '../decoded';
import { CliError, EXIT } from '../exit-codes';
import { positionOf, withReadModels } from '../ledger-access';
import { colour, print, printJsonLine } from '../output';

export interface AttachmentFlags {
  readonly ledger: string;
  readonly json?: boolean;
  readonly device?: string;
  readonly vm?: string;
  readonly vsmmu?: string;
  readonly parent?: string;
  readonly at?: string;
  readonly gaps?: boolean;
}

/** A span with the refused commands about its device while it lasted. */
interface Shown extends AttachmentSpan {
  readonly attempts: readonly Attempt[];
  /** Not what was asked for: who had the device in between. Only with `--gaps`. */
  readonly gap?: true;
}

/** `audit attachments`: which device was on what, from when to when, by whose order. */
export async function attachments(flags: AttachmentFlags): Promise<void> {
  const { device, vm, vsmmu, parent } = flags;
  if (flags.gaps && vm === undefined && vsmmu === undefined && parent === undefined) {
    throw new CliError(EXIT.usage, '--gaps needs --vm, --vsmmu or --parent: a device has none');
  }
  await withReadModels(flags.ledger, async ({ ledger, readModels }) => {
    const at = flags.at === undefined ? undefined : await positionOf(flags.at, ledger);
    const query: AttachmentQuery = {
      ...(device !== undefined && { device }),
      ...(vm !== undefined && { vm }),
      ...(vsmmu !== undefined && { vsmmu }),
      ...(parent !== undefined && { parent }),
      ...(at !== undefined && { at }),
    };
    const asked = readModels.attachments.find(query);
    for (const span of flags.gaps ? withGaps(asked, readModels) : asked) {
      const shown = { ...span, attempts: attemptsIn(span, readModels) };
      if (flags.json) printJsonLine(shown);
      else printSpan(shown);
    }
  });
}

function attemptsIn({ device, fromPosition, toPosition }: AttachmentSpan, models: ReadModels) {
  return models.attempts.of(device, {
    from: fromPosition,
    to: toPosition ?? Number.MAX_SAFE_INTEGER,
  });
}

/** The spans asked for, and between two of the same device those of whoever had it meanwhile. */
function withGaps(
  asked: readonly AttachmentSpan[],
  models: ReadModels,
): (AttachmentSpan & { readonly gap?: true })[] {
  const wanted = new Set(asked.map(({ spanId }) => spanId));
  const shown = [...new Set(asked.map(({ device }) => device))].flatMap((device) => {
    const all = models.attachments.find({ device });
    const first = all.findIndex(({ spanId }) => wanted.has(spanId));
    const last = all.findLastIndex(({ spanId }) => wanted.has(spanId));
    return all
      .slice(first, last + 1)
      .map((span) => (wanted.has(span.spanId) ? span : { ...span, gap: true as const }));
  });
  return shown.sort((a, b) => a.fromPosition - b.fromPosition || a.spanId - b.spanId);
}

function printSpan(span: Shown): void {
  const end = span.toPosition === null ? 'now' : `${span.toPosition}`;
  const range = `commits ${span.fromPosition} to ${end}`;
  const gap = span.gap ? colour.yellow('  in between') : '';
  const pasid = span.pasid === null ? '' : ` PASID ${span.pasid}`;
  print(`${colour.bold(span.device)}${pasid}  ${range}  ${span.kind} ${span.domain ?? ''}${gap}`);
  const command = span.command === null ? '' : `${span.command} `;
  print(`  from ${span.fromAt} by ${span.actor}, ${command}${span.beganBy}`);
  if (span.toAt !== null) print(`  to   ${span.toAt}, command ${span.endedBy}`);
  print(`  ${tagsOf(span)}`);
  if (span.vste0 !== null) {
    const vste = [span.vste0, span.vste1 ?? '0x0'].map(BigInt);
    print(`  vSTE ${span.vste0} ${span.vste1}  ${oneLine(decodeEntry('ste', vste))}`);
  }
  if (span.steBefore !== null) printSte('before', span.steBefore);
  // The last one is the one in force.
  span.stesAtSync.slice(0, -1).forEach((words, i) => printSte(`sync ${i + 1}`, words));
  if (span.ste !== null && span.ste.length > 0) printSte('STE', span.ste);
  for (const { position, actor, command: asked, errno, reason } of span.attempts) {
    print(
      `  ${colour.red('refused')} at ${position}: ${String(asked['type'])} by ${actor}: ${errno}, ${reason}`,
    );
  }
}

function tagsOf({ vm, parent, vsmmu, vmid, asid, ats }: AttachmentSpan): string {
  const tags = [
    `VM ${vm ?? 'none (host)'}`,
    ...(vsmmu === null ? [] : [`vSMMU ${vsmmu}`]),
    ...(parent === null ? [] : [`parent ${parent}`]),
    `VMID ${vmid ?? '-'}`,
    ...(asid === null ? [] : [`ASID ${asid}`]),
    `ATS ${ats ? 'on' : 'off'}`,
  ];
  return tags.join('   ');
}

function printSte(name: string, words: readonly string[]): void {
  print(`  ${name.padEnd(7)} ${words.slice(0, 4).join(' ')}`);
  print(`          ${oneLine(decodeEntry('ste', words.map(BigInt)))}`);
}
