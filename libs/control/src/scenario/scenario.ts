import { PASID_BITS_MAX } from '@steward/domain';
import { HOST_POLICIES } from '@steward/host';
import { COMMANDS, REGISTERS, type CommandName } from '@steward/smmu';
import { parseDocument } from 'yaml';
import { z } from 'zod';

const Word = z
  .union([z.string().regex(/^0x[0-9a-fA-F]{1,8}$/, 'a 32-bit value as 0x…'), z.int().nonnegative()])
  .transform((value) => Number(value));
const Id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, ".", "_" and "-"');

const COMMAND_NAMES = Object.keys(COMMANDS) as [CommandName, ...CommandName[]];

const Passthrough = z
  .strictObject({
    name: Id,
    ats: z.boolean().default(false),
    /** It has an Address Translation Cache, and uses it while its ATS is on. */
    atc: z.boolean().default(false),
    /** log2 of the PASIDs it can send. */
    pasidBits: z.int().min(1).max(PASID_BITS_MAX).optional(),
    /** PASIDs that are attached, each to what the device itself is on. */
    pasids: z
      .array(z.int().positive())
      .default([])
      .refine((pasids) => new Set(pasids).size === pasids.length, 'a PASID is there twice'),
  })
  .refine(({ ats, atc }) => ats || !atc, 'an ATC needs ats: true')
  .refine(
    ({ pasidBits = 0, pasids }) => pasids.every((pasid) => pasid < 2 ** pasidBits),
    'a PASID does not fit in pasidBits',
  );

const Scenario = z.strictObject({
  name: Id,
  seed: z.int().nonnegative().default(1),
  host: z.strictObject({
    id: Id,
    policy: z.enum(HOST_POLICIES).default('mainline'),
    /** Commands that the host's driver forgets: the defect behind an incident. */
    forgets: z.array(z.enum(COMMAND_NAMES)).optional(),
  }),
  smmus: z
    .array(
      z.strictObject({
        id: Id,
        /** IDR0 to IDR5. */
        idr: z.tuple([Word, Word, Word, Word, Word, Word]),
        iidr: Word.default(0),
        aidr: Word.default(0),
        nesting: z.boolean().optional(),
        s2fwb: z.boolean().optional(),
      }),
    )
    .min(1),
  /** Whether firmware flags the root complexes CANWBS, so that devices may nest without S2FWB. */
  canwbs: z.boolean().default(true),
  guests: z
    .array(
      z.strictObject({
        name: Id,
        smmu: Id,
        /** A recording made by `steward import`, relative to the scenario file. */
        recording: z.string().min(1),
        /** Steps of its play before which its VMM takes its RAM out of stage 2 and puts it back. */
        replug: z.array(z.int().nonnegative()).optional(),
        /** Devices beside those of the recording: without a vSMMU, on the guest's RAM. */
        passthrough: z.array(Passthrough).optional(),
      }),
    )
    .min(1),
});

export type Scenario = z.infer<typeof Scenario>;

/** The scenario file is not one; the message names file, place and what was expected. */
export class ScenarioSyntaxError extends Error {
  override readonly name = 'ScenarioSyntaxError';
}

/** @throws ScenarioSyntaxError for broken YAML, an unknown key, or a value of another kind. */
export function parseScenario(text: string, file: string): Scenario {
  const document = parseDocument(text, { prettyErrors: true });
  const [broken] = document.errors;
  if (broken) throw new ScenarioSyntaxError(`${file}: ${broken.message}`);
  const parsed = Scenario.safeParse(document.toJS());
  if (!parsed.success) {
    const where = parsed.error.issues.map(
      (issue) => `${file}: ${issue.path.join('.') || 'document'}: ${issue.message}`,
    );
    throw new ScenarioSyntaxError(where.join('\n'));
  }
  const scenario = parsed.data;
  const names = scenario.guests.map((g) => g.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new ScenarioSyntaxError(`${file}: two guests are named ${twice}`);
  const ids = scenario.smmus.map((s) => s.id);
  const same = ids.find((id, i) => ids.indexOf(id) !== i);
  if (same !== undefined) throw new ScenarioSyntaxError(`${file}: two SMMUs are named ${same}`);
  const stray = scenario.guests.find((g) => !scenario.smmus.some((s) => s.id === g.smmu));
  if (stray !== undefined) {
    throw new ScenarioSyntaxError(`${file}: guest ${stray.name}: no SMMU ${stray.smmu}`);
  }
  for (const guest of scenario.guests) {
    const problem = passthroughProblem(guest, scenario);
    if (problem !== undefined) {
      throw new ScenarioSyntaxError(`${file}: guest ${guest.name}: ${problem}`);
    }
  }
  return scenario;
}

/** What a guest's devices cannot be, or cannot do behind its SMMU. */
function passthroughProblem(
  { smmu: id, passthrough = [] }: Scenario['guests'][number],
  { smmus }: Scenario,
): string | undefined {
  const idr = smmus.find((smmu) => smmu.id === id)?.idr ?? [0, 0];
  const ats = REGISTERS.IDR0.layout.get([BigInt(idr[0])], 'ATS') === 1n;
  const ssidBits = Number(REGISTERS.IDR1.layout.get([BigInt(idr[1])], 'SSIDSIZE'));
  const names = passthrough.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `two devices are named ${twice}`;
  for (const { name, ats: wanted, pasids } of passthrough) {
    if (wanted && !ats) return `${name} cannot do ATS, as IDR0 of ${id} has none`;
    const wide = pasids.find((pasid) => pasid >= 2 ** ssidBits);
    if (wide !== undefined) return `${name}: IDR1 of ${id} has no SubstreamID ${wide}`;
  }
  return undefined;
}

/** The scenario with its guests repeated, or cut, to `count`; repeated ones get a numbered name. */
export function withGuests(scenario: Scenario, count: number): Scenario {
  const { guests } = scenario;
  const repeated = Array.from({ length: count }, (_, i) => {
    const guest = guests[i % guests.length]!;
    const round = Math.floor(i / guests.length);
    return round === 0 ? guest : { ...guest, name: `${guest.name}-${round + 1}` };
  });
  return { ...scenario, guests: repeated };
}
