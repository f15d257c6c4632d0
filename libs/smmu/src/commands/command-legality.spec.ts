import { COMMANDS, encodeCommand, type CommandName, type CommandWords } from '../formats/commands';
import { REGISTERS } from '../formats/registers';
import type { SmmuConfiguration } from '../registers/features';
import { whyCommandIllegal } from './command-legality';

type Fields = Readonly<Record<string, bigint>>;

/** An SMMU with everything in IDR0 and IDR3 that the given fields do not take away. */
function smmu(idr0: Fields = {}, idr3: Fields = {}): SmmuConfiguration {
  const first = { S1P: 1n, S2P: 1n, TTF: 2n, HYP: 1n, ATS: 1n, PRI: 1n, ...idr0 };
  const [word0 = 0n] = REGISTERS.IDR0.layout.encode(first);
  const [word3 = 0n] = REGISTERS.IDR3.layout.encode({ RIL: 1n, MPAM: 1n, DPT: 1n, ...idr3 });
  return { idr: [Number(word0), 0, 0, Number(word3), 0x75, 0], iidr: 0, aidr: 1 };
}

const aboutOf = (words: CommandWords, on: SmmuConfiguration): string | undefined =>
  whyCommandIllegal(words, on)?.about;

const EL3 = ['TLBI_EL3_ALL', 'TLBI_EL3_VA'];
const NAMES = Object.keys(COMMANDS) as CommandName[];

describe('command legality', () => {
  test.each(NAMES)('an empty CMD_%s is legal where all is implemented, EL3 aside', (name) => {
    expect(aboutOf(encodeCommand(name), smmu())).toBe(EL3.includes(name) ? 'Opcode' : undefined);
  });

  test.each(NAMES.filter((name) => 'SSec' in COMMANDS[name].layout.fields))(
    'CMD_%s with SSec=1 is CERROR_ILL (IHI 0070 §4.1.6)',
    (name) => expect(aboutOf(encodeCommand(name, { SSec: 1n }), smmu())).toBe('SSec'),
  );

  test.each<[string, SmmuConfiguration, CommandName[]]>([
    [
      'S1P=0',
      smmu({ S1P: 0n }),
      ['CFGI_CD', 'CFGI_CD_ALL', 'TLBI_NH_ALL', 'TLBI_NH_ASID', 'TLBI_NH_VA', 'TLBI_NH_VAA'],
    ],
    ['S2P=0', smmu({ S2P: 0n }), ['TLBI_S12_VMALL', 'TLBI_S2_IPA']],
    ['HYP=0', smmu({ HYP: 0n }), ['TLBI_EL2_ALL', 'TLBI_EL2_ASID', 'TLBI_EL2_VA', 'TLBI_EL2_VAA']],
    ['ATS=0', smmu({ ATS: 0n }), ['ATC_INV']],
    ['PRI=0', smmu({ PRI: 0n }), ['PRI_RESP']],
    ['STALL_MODEL=1', smmu({ STALL_MODEL: 1n }), ['RESUME', 'STALL_TERM']],
    ['MPAM=0', smmu({}, { MPAM: 0n }), ['CFGI_VMS_PIDM']],
    ['DPT=0', smmu({}, { DPT: 0n }), ['DPTI_ALL', 'DPTI_PA']],
  ])('with %s exactly the commands of that feature are CERROR_ILL', (_what, on, expected) => {
    const illegal = NAMES.filter((name) => aboutOf(encodeCommand(name), on) !== undefined);
    expect(illegal.filter((name) => !EL3.includes(name))).toEqual(expected);
  });

  test('reserved values of CS and Resp, and opcodes that nobody defined, are CERROR_ILL', () => {
    expect(aboutOf(encodeCommand('SYNC', { CS: 3n }), smmu())).toBe('CS');
    expect(aboutOf(encodeCommand('PRI_RESP', { Resp: 3n }), smmu())).toBe('Resp');
    expect(aboutOf([0xffn, 0n], smmu())).toBe('Opcode');
    expect(aboutOf([0x00n, 0n], smmu())).toBe('Opcode');
  });

  test.each<CommandName>([
    'TLBI_NH_VA',
    'TLBI_NH_VAA',
    'TLBI_EL2_VA',
    'TLBI_EL2_VAA',
    'TLBI_S2_IPA',
  ])('CMD_%s with TG needs a range or a level, where ranges exist (§4.4.1.1)', (name) => {
    const about = (fields: Fields, on = smmu()): string | undefined =>
      aboutOf(encodeCommand(name, fields), on);
    expect(about({ TG: 1n })).toBe('NUM, SCALE, TTL');
    expect(about({ TG: 1n }, smmu({}, { RIL: 0n }))).toBeUndefined();
    expect(about({ TG: 1n, NUM: 1n })).toBeUndefined();
    expect(about({ TG: 1n, SCALE: 1n })).toBeUndefined();
    expect(about({ TG: 1n, TTL: 3n })).toBeUndefined();
    // The 16K granule has no level-1 blocks: TTL=1 is taken as 0.
    expect(about({ TG: 2n, TTL: 1n })).toBe('NUM, SCALE, TTL');
  });
});
