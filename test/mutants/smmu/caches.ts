import { mutants } from '../mutant';

const CACHE = 'cache/translation-cache.ts';
const TLB = 'cache/tlb.ts';
const ADDRESSES = 'commands/named-addresses.ts';
const CONFIGURATION = 'configuration/configuration-cache.ts';
const ATC = 'ats/address-translation-cache.ts';
const REQUESTS = 'ats/translation-requests.ts';
const ADMISSION = 'ats/translated-transactions.ts';
const STALLS = 'stalls/stalled-transactions.ts';

/** Tags of cached entries, what an invalidation names, ATS and stalled transactions. */
export const CACHES = mutants('caches', [
  [
    CONFIGURATION,
    'this.recent[streamId & (RECENT - 1)] = undefined;',
    '',
    '§4.3.1: CFGI_STE takes the STE that was asked for last',
  ],
  [CACHE, 'this.globals[aset] ??=', 'this.globals[0] ??=', '§5.4 ASET'],
  [
    CACHE,
    'for (const space of regime.globals) if (space !== undefined) this.removeNamed(space, named);',
    '',
    '§4.4.2: NH_VA takes global entries too',
  ],
  [
    CACHE,
    'if (own !== undefined) this.removeNamed(own, named);',
    '',
    '§4.4.2: NH_VA takes the entries of its ASID',
  ],
  [
    CACHE,
    'if (this.stage2 !== undefined) this.tlb.removeAll(this.stage2);',
    '',
    '§4.4.3: S12_VMALL takes stage 2',
  ],
  [
    CACHE,
    'this.vmids.get(vmid)?.removeStage1();',
    'this.vmids.get(vmid)?.removeAll();',
    '§4.4.2: NH_ALL leaves stage 2 alone',
  ],
  [
    CACHE,
    'this.liveHyp.forEach((regime) => regime.removeAll());',
    'this.liveNonHyp.forEach((regime) => regime.removeAll());',
    '§4.4.2: EL2_ALL takes the entries of EL2',
  ],
  [
    CACHE,
    'const regime = world === STREAM_WORLD.EL2_E2H ? this.el2E2h : this.regime(tags.vmid);',
    'const regime = this.regime(tags.vmid);',
    '§3.3.3: EL2-E2H has no VMID',
  ],
  [
    CACHE,
    'const regime = e2h ? this.el2E2h : this.el2;',
    'const regime = e2h ? this.el2 : this.el2E2h;',
    '§4.4.2: EL2_VAA by CR2.E2H',
  ],
  [
    CACHE,
    'const space = this.vmids.get(vmid)?.stage2;',
    'const space = this.vmids.get(vmid)?.globals[0];',
    '§4.4.3.1: S2_IPA takes stage-2 entries',
  ],
  [TLB, 'if (filter.granuleCode !== 0 &&', 'if (filter.granuleCode === 0 &&', '§4.4.1.1 TG'],
  [
    TLB,
    'filter.level === 0 || filter.level ===',
    'filter.level === 0 || filter.level !==',
    '§4.4.1.1 TTL',
  ],
  [
    ADDRESSES,
    '(fields.NUM + 1) * 2 ** scale(fields)',
    'fields.NUM * 2 ** scale(fields)',
    '§4.4.1.1 NUM',
  ],
  [ADDRESSES, '2 ** granule.pageShift;', '2 ** 12;', '§4.4.1.1: pages of the granule'],
  [
    ADDRESSES,
    'fields.TG === 2 && fields.TTL === 1 ? 0',
    'fields.TG === 2 && fields.TTL === 1 ? 1',
    '§4.4.1.1 TTL reserved for 16K',
  ],
  [CONFIGURATION, 'this.streams.delete(streamId);', '', '§4.3.1: the STE goes'],
  [CONFIGURATION, 'this.l1stds.delete(index);', '', '§4.3.1: the L1STD goes'],
  [ATC, 'answers = true;', 'answers = false;', '§4.5: a device that answers'],
  [REQUESTS, 'if (!control.enabled) return this.refuse(request);', '', '§3.9.1.2: SMMUEN=0 is UR'],
  [
    REQUESTS,
    "if (effectiveAts(stream, control) === 'none') return this.refuse(request);",
    '',
    '§3.9.1.2: EATS=0 is UR',
  ],
  [
    REQUESTS,
    'address: split ? ipa : translator.pa,',
    'address: split ? translator.pa : ipa,',
    '§3.9.1: split-stage returns IPAs',
  ],
  [
    REQUESTS,
    'this.permits(writing.stage2)',
    'true',
    '§3.13.7.1: nothing is dirty where stage 2 permits no write',
  ],
  [
    REQUESTS,
    'const asked = { write: !request.noWrite,',
    'const asked = { write: request.noWrite,',
    '§7.3.6: F_BAD_ATS_TREQ says what was asked for',
  ],
  [
    REQUESTS,
    'instruction: execute } = attributesOf(request);',
    'instruction: execute } = attributesOf({ ...request, substreamId: 0 });',
    '§7.3.6, §13.7: without a PASID neither Exe nor Priv is asked for',
  ],
  [
    ADMISSION,
    'if (!control.atsCheck) return PHYSICAL;',
    'if (control.atsCheck) return PHYSICAL;',
    '§3.9.1.3 CR0.ATSCHK',
  ],
  [
    ADMISSION,
    "if (ats === 'none') return FORBIDDEN;",
    "if (ats === 'none') return PHYSICAL;",
    '§3.9.1.3: F_TRANSL_FORBIDDEN',
  ],
  [
    ADMISSION,
    'features.pasidOnTranslated ? finder',
    '!features.pasidOnTranslated ? finder',
    '§3.9.1.3 PASIDTT',
  ],
  [
    STALLS,
    'if (stalled?.transaction.streamId === streamId) this.release(stalled, ending);',
    'if (stalled !== undefined) this.release(stalled, ending);',
    '§4.6.1: RESUME names the StreamID too',
  ],
  [
    STALLS,
    "if (stalled.transaction.streamId === streamId) this.release(stalled, 'abort');",
    "this.release(stalled, 'abort');",
    '§4.6.2: STALL_TERM names one stream',
  ],
]);
