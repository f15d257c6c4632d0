import type { Machine } from './__fixtures__/machine';
import {
  AF,
  AP_RO,
  nestedMachine,
  NESTED_IDR,
  NOT_GLOBAL,
  PAGE,
  S1_BLOCK,
  S1_PAGE,
  S2_BLOCK,
  S2_NORMAL,
  S2_PAGE,
  S2_RO,
} from './__fixtures__/machine';
import { encodeEvent, EVENTS, eventName } from './formats/event-records';
import type { TranslationCompletion, TranslationRequest } from './ats/translation-request';

const ATS = 1 << 10;
const NS1ATS = 1 << 11;
const ATSRECERR = 1 << 23;
const CD2L = 1 << 19;
const IDR1 = 0x02730510;
const ATS_IDR = [NESTED_IDR[0] | ATS | ATSRECERR | CD2L, IDR1, 0, 0x1414, 0, 0x74] as const;
const NO_SPLIT_IDR = [ATS_IDR[0] | NS1ATS, IDR1, 0, 0x1414, 0, 0x74] as const;
const OVERRIDE_IDR = [ATS_IDR[0], IDR1 | (1 << 26), 0, 0x1414, 0, 0x74] as const;

const ATSCHK = 1n << 4n;
const FULL = 1n;
const SPLIT = 2n;

/** A nested stream with ATS, CR0.ATSCHK = 1. */
function ats(
  options: Parameters<typeof nestedMachine>[0] & { EATS?: bigint; check?: boolean } = {},
) {
  const { EATS = FULL, check = true } = options;
  const nested = nestedMachine({
    idr: ATS_IDR,
    ...options,
    steFields: { EATS, ...options.steFields },
  });
  nested.machine.smmu.writeRegister('CR0', 0xdn | (check ? ATSCHK : 0n));
  const ask = (address: number, more: Partial<TranslationRequest> = {}): TranslationCompletion =>
    nested.machine.smmu.translationRequest({
      streamId: 0,
      address: BigInt(address),
      noWrite: false,
      ...more,
    });
  return { ...nested, ask };
}

const recorded = (machine: Machine): bigint => machine.smmu.readRegister('EVENTQ_PROD');
const SUCCESS = { kind: 'success', global: false, untranslatedOnly: false } as const;

describe('a translation request', () => {
  it('is answered with the PA, the smaller size and the permissions of both stages', () => {
    const { machine, stage1, stage2, ask } = ats();
    machine.map(stage1, 0x4000_0000, 0xc000_0000, S1_BLOCK, 2);
    machine.mapOwnPages(stage2);
    machine.map(stage2, 0xc000_3000, 0x6000_7000, PAGE | AF | S2_RO | S2_NORMAL);
    expect(ask(0x4000_3123)).toEqual({
      ...SUCCESS,
      address: 0x6000_7123,
      sizeLog2: 12,
      readable: true,
      writable: false,
      executable: false,
      privileged: false,
    });
    machine.map(stage1, 0x4020_0000, 0xc020_0000, S1_BLOCK, 2);
    machine.map(stage2, 0xc020_0000, 0x6020_0000, S2_BLOCK, 2);
    expect(ask(0x4020_3000)).toMatchObject({ address: 0x6020_3000, sizeLog2: 21, writable: true });
  });

  it('is answered with the IPA under split-stage ATS, otherwise alike', () => {
    const { ask, va, ipa, machine, stage2 } = ats({ EATS: SPLIT });
    machine.map(stage2, ipa, 0x5000_0000, PAGE | AF | S2_RO | S2_NORMAL);
    const answer = { ...SUCCESS, address: ipa + 8, sizeLog2: 12, readable: true, writable: false };
    expect(ask(va + 8)).toMatchObject(answer);
    // Once more, from the TLB.
    expect(ask(va + 8)).toMatchObject(answer);
  });

  it('finds no access where an ordinary access would find a translation fault, unrecorded', () => {
    const { machine, ask, va, ipa, stage2 } = ats({ cdFields: { A: 1n, R: 1n } });
    expect(ask(va + 4096)).toEqual({ kind: 'no-access' });
    machine.map(stage2, ipa, 0, 0n);
    expect(ask(va)).toEqual({ kind: 'no-access' });
    expect(recorded(machine)).toBe(0n);
  });

  it('finds no access where stage 2 refuses the walk or the CD', () => {
    for (const hidden of ['cd', 's1Entry'] as const) {
      const nested = ats();
      const page = nested[hidden] - (nested[hidden] % 4096);
      nested.machine.map(nested.stage2, page, page, S2_PAGE & ~(1n << 6n));
      expect(nested.ask(nested.va)).toEqual({ kind: 'no-access' });
    }
  });

  it('stops at a stage 1 that permits nothing', () => {
    const { machine, ask, va, stage1 } = ats();
    // Privileged alone; behind it stage 2 has no mapping, and is not asked.
    machine.map(stage1, va, 0xdead_0000, PAGE | AF | NOT_GLOBAL);
    expect(ask(va)).toEqual({ kind: 'no-access' });
    expect(machine.smmu.cachedEntries().nested).toBe(0);
  });

  it('grants what is permitted of what was asked', () => {
    const { machine, ask, va, ipa, stage1 } = ats();
    machine.map(stage1, va, ipa, PAGE | AF | NOT_GLOBAL | AP_RO);
    expect(ask(va)).toMatchObject({ readable: true, writable: false });
    expect(ask(va, { noWrite: true })).toMatchObject({ readable: true, writable: false });
  });

  it('grants the write of a page that cannot be read, asked for or not', () => {
    const { machine, ask, va, ipa, stage2 } = ats();
    machine.map(stage2, ipa, 0x5000_0000, S2_PAGE & ~(1n << 6n));
    for (const noWrite of [false, true]) {
      expect(ask(va, { noWrite })).toMatchObject({ readable: false, writable: true });
    }
  });

  it.each([
    { entry: 0n, instruction: true, executable: true },
    { entry: 0n, instruction: false, executable: false },
    { entry: 1n << 54n, instruction: true, executable: false },
  ])('grants Exe only when asked for and permitted: %o', ({ entry, instruction, executable }) => {
    const { machine, ask, va, ipa, stage1 } = ats({
      steFields: { S1CDMax: 1n, S1DSS: 0n },
    });
    const cd = Number(machine.memory.read64(machine.steAddress(0)) & 0xffff_ffff_ffc0n);
    machine.writeCd(cd + 64, { TTB0: BigInt(stage1.root), ASID: 2n });
    machine.map(stage1, va, ipa, PAGE | AF | NOT_GLOBAL | AP_RO | entry);
    expect(ask(va, { substreamId: 1, instruction })).toMatchObject({ readable: true, executable });
  });

  it('ignores Priv and Exe without a PASID', () => {
    const { machine, ask, va, ipa, stage1 } = ats();
    machine.map(stage1, va, ipa, PAGE | AF | NOT_GLOBAL);
    expect(ask(va, { privileged: true, instruction: true })).toEqual({ kind: 'no-access' });
  });

  it('is judged by STE.PRIVCFG and INSTCFG where those are implemented', () => {
    const { machine, ask, va, ipa, stage1 } = ats({
      idr: OVERRIDE_IDR,
      steFields: { PRIVCFG: 3n },
    });
    machine.map(stage1, va, ipa, PAGE | AF | NOT_GLOBAL);
    expect(ask(va)).toMatchObject({ readable: true, writable: true, privileged: false });
    const fetching = ats({ idr: OVERRIDE_IDR, steFields: { INSTCFG: 3n } });
    fetching.machine.map(fetching.stage1, fetching.va, fetching.ipa, S1_PAGE | (1n << 54n));
    expect(fetching.ask(fetching.va)).toMatchObject({ readable: false, writable: true });
  });
});

describe('a translation request under hardware update of the tables', () => {
  const DIRTY_BIT_MODIFIER = 1n << 51n;
  const READ_ONLY = 1n << 7n;

  function clean() {
    const nested = ats({
      idr: [ATS_IDR[0] | (2 << 6), IDR1, 0, 0x1414, 0, 0x74],
      cdFields: { HA: 1n, HD: 1n },
    });
    const { machine, stage1, va, ipa } = nested;
    const leaf = PAGE | NOT_GLOBAL | AP_RO | DIRTY_BIT_MODIFIER;
    const entry = machine.map(stage1, va, ipa, leaf);
    return { ...nested, entry, leaf: leaf | BigInt(ipa) };
  }

  it('sets the Access flag, and with NW marks nothing dirty', () => {
    const { machine, ask, va, entry, leaf } = clean();
    expect(ask(va, { noWrite: true })).toMatchObject({ readable: true, writable: false });
    expect(machine.memory.read64(entry)).toBe(leaf | AF);
    // Nor does what the TLB now holds grant more than that.
    expect(ask(va, { noWrite: true })).toMatchObject({ readable: true, writable: false });
    expect(machine.memory.read64(entry)).toBe(leaf | AF);
  });

  it('marks nothing dirty where stage 2 permits no write', () => {
    const { machine, ask, va, ipa, pa, stage2, entry, leaf } = clean();
    machine.map(stage2, ipa, pa, PAGE | AF | S2_RO | S2_NORMAL);
    for (let n = 0; n < 2; n++) {
      expect(ask(va)).toMatchObject({ readable: true, writable: false });
      expect(machine.memory.read64(entry)).toBe(leaf | AF);
    }
  });

  it('marks a writable-clean page dirty and grants the write', () => {
    const { machine, ask, va, entry, leaf } = clean();
    ask(va, { noWrite: true });
    expect(ask(va)).toMatchObject({ readable: true, writable: true });
    expect(machine.memory.read64(entry)).toBe((leaf | AF) & ~READ_ONLY);
    expect(ask(va, { noWrite: true })).toMatchObject({ writable: true });
  });
});

describe('a translation request past stage 1 (S1DSS = 1)', () => {
  const past = { steFields: { S1CDMax: 1n, S1DSS: 1n } };

  it('is translated at stage 2 alone with full ATS, and identity-mapped with split-stage', () => {
    const full = ats(past);
    expect(full.ask(full.ipa + 4)).toMatchObject({
      ...SUCCESS,
      address: full.pa + 4,
      writable: true,
    });
    const split = ats({ ...past, EATS: SPLIT });
    expect(split.ask(split.ipa + 4)).toMatchObject({ address: split.ipa + 4, sizeLog2: 12 });
    expect(split.ask(2 ** 45)).toEqual({ kind: 'no-access' });
  });

  it('is identity-mapped without stage 2, up to the OAS', () => {
    const { machine, ask, cd } = ats();
    const S1ContextPtr = BigInt(cd);
    machine.writeSte(0, { Config: 5n, S1ContextPtr, EATS: FULL, ...past.steFields });
    expect(ask(0x1234_5678)).toMatchObject({
      address: 0x1234_5678,
      readable: true,
      writable: true,
      executable: false,
    });
    expect(ask(2 ** 44)).toEqual({ kind: 'no-access' });
  });
});

describe('a translation request that is not served', () => {
  it.each([
    ['EATS = 0', { EATS: 0n }],
    ['split-stage ATS without CR0.ATSCHK', { EATS: SPLIT, check: false }],
    ['the DPT encoding, which there is no DPT for', { EATS: 3n }],
    ['a bypassing stream', { steFields: { Config: 4n } }],
  ])('is UR with F_BAD_ATS_TREQ: %s', (_what, options) => {
    const { machine, ask, va } = ats(options);
    expect(ask(va)).toEqual({ kind: 'unsupported-request', event: machine.eventAt(0) });
    expect(eventName(machine.eventAt(0))).toBe('F_BAD_ATS_TREQ');
    expect(EVENTS.F_BAD_ATS_TREQ.layout.get(machine.eventAt(0), 'InputAddr')).toBe(BigInt(va));
  });

  it.each([
    ['reading', { noWrite: true }, { R: 1n }],
    ['writing', { noWrite: false }, { R: 1n, W: 1n }],
    [
      'all that a PASID can ask for',
      { substreamId: 3, privileged: true, instruction: true },
      { R: 1n, W: 1n, X: 1n, PRIV: 1n, SSV: 1n, SubstreamID: 3n },
    ],
    ['no more than a PASID lets it', { privileged: true, instruction: true }, { R: 1n, W: 1n }],
  ])('is recorded with what it asked for, whatever the STE overrides: %s', (_what, asked, told) => {
    const { ask, va } = ats({
      idr: OVERRIDE_IDR,
      EATS: 0n,
      steFields: { PRIVCFG: 3n, INSTCFG: 3n },
    });
    const event = encodeEvent('F_BAD_ATS_TREQ', { ...told, Span: 1n, InputAddr: BigInt(va) });
    expect(ask(va, asked)).toEqual({ kind: 'unsupported-request', event });
  });

  it('is UR with F_BAD_ATS_TREQ while translation is disabled', () => {
    const { machine, ask, va } = ats();
    machine.smmu.writeRegister('CR0', 0xcn);
    expect(ask(va).kind).toBe('unsupported-request');
    expect(eventName(machine.eventAt(0))).toBe('F_BAD_ATS_TREQ');
  });

  it('is UR in silence for a disabled stream, and on an SMMU without ATS', () => {
    const disabled = ats({ steFields: { Config: 0n } });
    const without = ats({ idr: NESTED_IDR });
    for (const { machine, ask, va } of [disabled, without]) {
      expect(ask(va)).toEqual({ kind: 'unsupported-request' });
      expect(recorded(machine)).toBe(0n);
    }
  });

  it.each([
    ['C_BAD_STREAMID', {}, { streamId: 256 }],
    ['C_BAD_STE', { steFields: { V: 0n } }, {}],
    ['C_BAD_SUBSTREAMID', {}, { substreamId: 1 }],
    ['F_STREAM_DISABLED', { steFields: { S1CDMax: 1n } }, {}],
    ['C_BAD_CD', { cdFields: { V: 0n } }, {}],
    ['F_STE_FETCH', {}, { streamId: 255 }],
  ])('is CA for %s, recorded only under CR2.REC_CFG_ATS', (name, options, request) => {
    for (const records of [false, true]) {
      const { machine, ask, va } = ats(options);
      machine.smmu.writeRegister('CR0', 0xcn);
      machine.smmu.writeRegister('CR2', records ? 0b1010n : 0b0010n);
      if (name === 'F_STE_FETCH') machine.smmu.writeRegister('STRTAB_BASE', 0x3fff_c040n);
      machine.smmu.writeRegister('CR0', 0xdn | ATSCHK);
      const answer = ask(va, request);
      expect(answer.kind).toBe('completer-abort');
      expect('event' in answer).toBe(records);
      expect(recorded(machine)).toBe(records ? 1n : 0n);
      if (records) expect(eventName(machine.eventAt(0))).toBe(name);
    }
  });

  it('is CA for a bad StreamID in silence without CR2.RECINVSID', () => {
    const { machine, ask, va } = ats();
    machine.smmu.writeRegister('CR0', 0xcn);
    machine.smmu.writeRegister('CR2', 0b1000n);
    machine.smmu.writeRegister('CR0', 0xdn | ATSCHK);
    expect(ask(va, { streamId: 256 })).toEqual({ kind: 'completer-abort' });
  });

  it('is CA for a walk that aborts, with attributes only where a PASID carries them', () => {
    const { machine, ask, va, s1Entry, stage2 } = ats();
    machine.smmu.writeRegister('CR0', 0xcn);
    machine.smmu.writeRegister('CR2', 0b1010n);
    machine.smmu.writeRegister('CR0', 0xdn | ATSCHK);
    machine.map(stage2, s1Entry - (s1Entry % 4096), 0x1000, S2_PAGE);
    expect(ask(va, { privileged: true, instruction: true }).kind).toBe('completer-abort');
    expect(EVENTS.F_WALK_EABT.layout.decode(machine.eventAt(0)).values).toMatchObject({
      PnU: 0n,
      InD: 0n,
      S2: 0n,
      CLASS: 1n,
    });
  });

  it('is CA for an STE whose EATS is ILLEGAL', () => {
    const noSplit = ats({ idr: NO_SPLIT_IDR, EATS: SPLIT });
    expect(noSplit.ask(noSplit.va)).toEqual({ kind: 'completer-abort' });
  });
});

describe('a Translated transaction', () => {
  const translated = { translated: true } as const;

  it('goes out as a PA with full ATS, and through stage 2 with split-stage', () => {
    const full = ats();
    const out = full.machine.write(0, full.pa, { ...translated, substreamId: 9 });
    expect(out).toMatchObject({ kind: 'ok', pa: full.pa, readable: true, writable: true });
    const split = ats({ EATS: SPLIT });
    expect(split.machine.write(0, split.ipa, translated)).toMatchObject({
      kind: 'ok',
      pa: split.pa,
    });
    const fault = split.machine.write(0, split.ipa + 4096, translated);
    expect(fault).toEqual({ kind: 'abort', event: split.machine.eventAt(0) });
    expect(EVENTS.F_TRANSLATION.layout.decode(split.machine.eventAt(0)).values).toMatchObject({
      Stall: 0n,
      S2: 1n,
      CLASS: 2n,
      InputAddr: BigInt(split.ipa + 4096),
    });
  });

  it('finds a stage-1 F_ADDR_SIZE beyond the IAS with split-stage, and nothing with full ATS', () => {
    const split = ats({ EATS: SPLIT });
    expect(split.machine.read(0, 2 ** 44, translated).kind).toBe('abort');
    expect(eventName(split.machine.eventAt(0))).toBe('F_ADDR_SIZE');
    const full = ats();
    expect(full.machine.read(0, 2 ** 44, translated)).toEqual({ kind: 'abort' });
  });

  it.each([
    ['EATS = 0', { EATS: 0n }],
    ['a bypassing stream', { steFields: { Config: 4n } }],
  ])('is F_TRANSL_FORBIDDEN under CR0.ATSCHK: %s', (_what, options) => {
    const { machine, pa } = ats(options);
    expect(machine.write(0, pa, translated)).toEqual({ kind: 'abort', event: machine.eventAt(0) });
    expect(EVENTS.F_TRANSL_FORBIDDEN.layout.decode(machine.eventAt(0)).values).toMatchObject({
      Type: 7n,
      RnW: 0n,
      SSV: 0n,
      InputAddr: BigInt(pa),
    });
    const unchecked = ats({ ...options, check: false });
    expect(unchecked.machine.write(0, pa, translated).kind).toBe('ok');
  });

  it('comes to stage 2 with the default type, whatever STE.MTCFG and SHCFG (Table 13.5)', () => {
    const idr = [ATS_IDR[0], IDR1 | (1 << 27), 0, 0x1414, 0, 0x74] as const;
    const overrides = { MTCFG: 1n, MemAttr: 5n, SHCFG: 3n };
    const { machine, ipa } = ats({ idr, EATS: SPLIT, steFields: overrides });
    expect(machine.write(0, ipa, translated)).toMatchObject({ attributes: { attr: 0xff } });
  });

  it('is F_TRANSL_FORBIDDEN while translation is disabled, whatever GBPA says', () => {
    const { machine, pa } = ats();
    machine.smmu.writeRegister('CR0', 0xcn);
    expect(machine.read(0, pa, translated).kind).toBe('abort');
    expect(eventName(machine.eventAt(0))).toBe('F_TRANSL_FORBIDDEN');
  });

  it('is aborted in silence for a disabled stream, a broken one, and on an SMMU without ATS', () => {
    for (const options of [
      { steFields: { Config: 0n } },
      { steFields: { V: 0n } },
      { idr: NESTED_IDR },
    ]) {
      const { machine, pa } = ats(options);
      expect(machine.read(0, pa, translated)).toEqual({ kind: 'abort' });
    }
  });

  it('records broken configuration under CR2.REC_CFG_ATS, with RECINVSID or without', () => {
    const { machine, pa } = ats();
    machine.smmu.writeRegister('CR0', 0xcn);
    machine.smmu.writeRegister('CR2', 0b1000n);
    machine.smmu.writeRegister('CR0', 0xdn | ATSCHK);
    expect(machine.read(256, pa, translated).kind).toBe('abort');
    expect(eventName(machine.eventAt(0))).toBe('C_BAD_STREAMID');
  });

  it('is judged by the STE that is cached, until CFGI names it', () => {
    const { machine, pa, cd, stage2 } = ats();
    expect(machine.read(0, pa, translated).kind).toBe('ok');
    machine.writeSte(0, { Config: 7n, S1ContextPtr: BigInt(cd), ...machine.stage2(stage2, 1n) });
    expect(machine.read(0, pa, translated).kind).toBe('ok');
    machine.command('CFGI_STE', { Leaf: 1n });
    expect(machine.read(0, pa, translated).kind).toBe('abort');
  });
});

describe('a Translated transaction with a PASID (IDR3.PASIDTT = 1)', () => {
  const PASIDTT = [ATS_IDR[0], IDR1 | (1 << 26), 0, 0x1414 | (1 << 16), 0, 0x74] as const;
  const translated = { translated: true } as const;
  const CR2_REC_CFG_ATS = 0b1000n;

  function withPasids(options: Parameters<typeof ats>[0] = {}) {
    const nested = ats({ idr: PASIDTT, steFields: { S1CDMax: 1n, S1DSS: 2n }, ...options });
    const { smmu } = nested.machine;
    smmu.writeRegister('CR0', 0xcn);
    smmu.writeRegister('CR2', CR2_REC_CFG_ATS);
    smmu.writeRegister('CR0', 0xdn | ATSCHK);
    return nested;
  }

  it('is refused where an ordinary one with that SubstreamID would find no CD', () => {
    const { machine, pa, cd } = withPasids();
    const nameOf = (substreamId?: number): string => {
      const more = substreamId === undefined ? {} : { substreamId };
      const outcome = machine.read(0, pa, { ...translated, ...more });
      return outcome.kind === 'abort' && outcome.event ? eventName(outcome.event)! : outcome.kind;
    };
    expect(nameOf(2)).toBe('C_BAD_SUBSTREAMID');
    expect(nameOf(0)).toBe('F_STREAM_DISABLED');
    // CD 1 is all zero.
    expect(nameOf(1)).toBe('C_BAD_CD');
    expect(nameOf()).toBe('ok');
    expect(cd).toBeGreaterThan(0);
  });

  it('goes unseen where PASIDTT is 0', () => {
    const { machine, pa } = withPasids({ idr: ATS_IDR });
    expect(machine.read(0, pa, { ...translated, substreamId: 2 }).kind).toBe('ok');
  });

  it('is F_STREAM_DISABLED without one, where S1DSS terminates such streams', () => {
    const { machine, pa } = withPasids({ steFields: { S1CDMax: 1n, S1DSS: 0n } });
    expect(machine.read(0, pa, translated)).toEqual({ kind: 'abort', event: machine.eventAt(0) });
    expect(eventName(machine.eventAt(0))).toBe('F_STREAM_DISABLED');
  });

  it('is an instruction fetch at stage 2 of split-stage ATS if it says so', () => {
    const { machine, cd, stage1, stage2, ipa, pa } = withPasids({ EATS: SPLIT });
    machine.writeCd(cd + 64, { TTB0: BigInt(stage1.root), ASID: 2n });
    machine.map(stage2, ipa, pa, S2_PAGE | (2n << 53n));
    const send = { ...translated, substreamId: 1 };
    expect(machine.read(0, ipa, send).kind).toBe('ok');
    const refused = machine.read(0, ipa, { ...send, instruction: true });
    expect(refused).toEqual({ kind: 'abort', event: machine.eventAt(0) });
    expect(EVENTS.F_PERMISSION.layout.decode(machine.eventAt(0)).values).toMatchObject({
      SSV: 1n,
      SubstreamID: 1n,
      InD: 1n,
      S2: 1n,
    });
  });
});
