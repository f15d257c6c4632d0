/**
 * The lines of QEMU's log trace backend for `smmuv3_*` and `smmu_*`, one template an event: what follows the
 * event's name and one space (QEMU `hw/arm/trace-events`). A placeholder is `{field:kind}`:
 *
 * - `x` hexadecimal with `0x`, at most 53 bits; `w` the same, up to 64 bits; `d` decimal, possibly negative;
 *   `s` a word without blanks.
 *
 * Blanks are literal; a trailing one may be missing.
 */
export const TRACE_EVENTS = {
  // Programming interface
  smmuv3_read_mmio: 'addr: {addr:x} val:{val:w} size: {size:x}({result:d})',
  smmuv3_write_mmio: 'addr: {addr:x} val:{val:w} size: {size:x}({result:d})',
  smmuv3_trigger_irq: 'irq={irq:d}',
  // Command queue
  smmuv3_cmdq_consume: 'prod={prod:d} cons={cons:d} prod.wrap={prodWrap:d} cons.wrap={consWrap:d}',
  smmuv3_cmdq_consume_out:
    'prod:{prod:d}, cons:{cons:d}, prod_wrap:{prodWrap:d}, cons_wrap:{consWrap:d}',
  smmuv3_cmdq_opcode: '<--- SMMU_CMD_{name:s}',
  smmuv3_cmdq_cfgi_ste: 'streamid= {sid:x}',
  smmuv3_cmdq_cfgi_ste_range: 'start={start:x} - end={end:x}',
  smmuv3_cmdq_cfgi_cd: 'sid={sid:x}',
  smmuv3_cmdq_tlbi_nsnh: '',
  smmuv3_cmdq_tlbi_nh: 'vmid={vmid:d}',
  smmuv3_cmdq_tlbi_nh_asid: 'asid={asid:d}',
  smmuv3_cmdq_tlbi_s12_vmid: 'vmid={vmid:d}',
  smmuv3_range_inval:
    'vmid={vmid:d} asid={asid:d} addr={addr:w} tg={tg:d} num_pages={pages:w} ttl={ttl:d} leaf={leaf:d} stage={stage:d}',
  smmuv3_unhandled_cmd: 'Unhandled command type={opcode:d}',
  // What a command removed
  smmu_config_cache_inv: 'Config cache INV for sid={sid:x}',
  smmu_configs_inv_sid_range: 'Config cache INV SID range from {start:x} to {end:x}',
  smmu_iotlb_inv_all: 'IOTLB invalidate all',
  smmu_iotlb_inv_asid_vmid: 'IOTLB invalidate asid={asid:d} vmid={vmid:d}',
  smmu_iotlb_inv_vmid: 'IOTLB invalidate vmid={vmid:d}',
  smmu_iotlb_inv_vmid_s1: 'IOTLB invalidate vmid={vmid:d}',
  // Configuration
  smmuv3_find_ste: 'sid={sid:x} features:{features:x}, sid_split:{split:x}',
  smmuv3_find_ste_2lvl:
    'strtab_base:{base:w} l1ptr:{l1:x} l1_off:{l1Index:x}, l2ptr:{l2:x} l2_off:{l2Index:x} max_l2_ste:{maxIndex:d}',
  smmuv3_get_ste: 'STE addr: {addr:x}',
  smmuv3_get_cd: 'CD addr: {addr:x}',
  smmuv3_decode_cd: 'oas={oas:d}',
  smmuv3_decode_cd_tt: 'TT[{half:d}]:tsz:{tsz:d} ttb:{ttb:x} granule_sz:{granule:d} had:{had:d}',
  smmuv3_config_cache_hit:
    'Config cache HIT for sid={sid:x} (hits={hits:d}, misses={misses:d}, hit rate={rate:d})',
  smmuv3_config_cache_miss:
    'Config cache MISS for sid={sid:x} (hits={hits:d}, misses={misses:d}, hit rate={rate:d})',
  // Translation
  smmuv3_translate_success:
    '{region:s} sid={sid:x} iova={iova:w} translated={ipa:x} perm={perm:x} stage={stage:d}',
  smmuv3_translate_bypass: '{region:s} sid={sid:x} STE bypass iova:{iova:w} is_write={write:d}',
  smmuv3_translate_abort: '{region:s} sid={sid:x} abort on iova:{iova:w} is_write={write:d}',
  smmuv3_propagate_event: 'SMMU_EVT_{name:s} sid={sid:x}',
  smmu_get_pte: 'baseaddr={base:x} index={index:x}, pteaddr={addr:x}, pte={pte:w}',
  smmu_ptw_level:
    'stage={stage:d} level={level:d} iova={iova:w} subpage_sz={size:w} baseaddr={base:x} offset={offset:d} => pte={pte:w}',
  smmu_ptw_page_pte:
    'stage={stage:d} level={level:d} iova={iova:w} base@={base:x} pte@={addr:x} pte={pte:w} page address = {page:x}',
  smmu_ptw_invalid_pte:
    'stage={stage:d} level={level:d} base@={base:x} pte@={addr:x} offset={offset:d} pte={pte:w}',
  smmu_iotlb_insert: 'IOTLB ++ asid={asid:d} vmid={vmid:d} addr={addr:w} tg={tg:d} level={level:d}',
  smmu_iotlb_lookup_hit:
    'IOTLB cache HIT asid={asid:d} vmid={vmid:d} addr={addr:w} hit={hits:d} miss={misses:d} hit rate={rate:d}',
  smmu_iotlb_lookup_miss:
    'IOTLB cache MISS asid={asid:d} vmid={vmid:d} addr={addr:w} hit={hits:d} miss={misses:d} hit rate={rate:d}',
  // The machine
  smmu_add_mr: '{region:s}',
  smmu_reset_exit: '',
} as const;

export type TraceEventName = keyof typeof TRACE_EVENTS;

interface KindTypes {
  x: number;
  w: bigint;
  d: number;
  s: string;
}

type FieldsOf<Template extends string> =
  Template extends `${string}{${infer Name}:${infer Kind extends keyof KindTypes}}${infer Rest}`
    ? { readonly [K in Name]: KindTypes[Kind] } & FieldsOf<Rest>
    : unknown;

/** The fields of one event's line, by name. */
export type TraceFields<Name extends TraceEventName> = FieldsOf<(typeof TRACE_EVENTS)[Name]>;

/** One line of a known event. `line` is 1-based. */
export type TraceLine = {
  [Name in TraceEventName]: {
    readonly event: Name;
    readonly line: number;
    readonly fields: TraceFields<Name>;
  };
}[TraceEventName];
