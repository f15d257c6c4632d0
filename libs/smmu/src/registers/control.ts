import { inputAttributes } from '../attributes/input-overrides';
import type { AttributesCode } from '../attributes/memory-attributes';
import type { StreamTableShape } from '../configuration/stream-table';
import type { RegisterName } from '../formats/registers';
import type { Features } from './features';
import { registerField } from './register-field';
import { SMMUEN, type RegisterFile } from './register-file';

const GBPA_ABORT = registerField('GBPA', 'ABORT');
const GBPA_MTCFG = registerField('GBPA', 'MTCFG');
const GBPA_MEMATTR = registerField('GBPA', 'MemAttr');
const GBPA_ALLOCCFG = registerField('GBPA', 'ALLOCCFG');
const GBPA_SHCFG = registerField('GBPA', 'SHCFG');
const RECINVSID = registerField('CR2', 'RECINVSID');
const REC_CFG_ATS = registerField('CR2', 'REC_CFG_ATS');
const ATSCHK = registerField('CR0', 'ATSCHK');
const E2H = registerField('CR2', 'E2H');
const TABLE_ADDRESS = registerField('STRTAB_BASE', 'ADDR');
const TABLE_LOG2SIZE = registerField('STRTAB_BASE_CFG', 'LOG2SIZE');
const TABLE_SPLIT = registerField('STRTAB_BASE_CFG', 'SPLIT');
const TABLE_FMT = registerField('STRTAB_BASE_CFG', 'FMT');

/** The registers that `Control` is decoded from. */
export const CONTROL_REGISTERS: ReadonlySet<RegisterName> = new Set([
  'CR0',
  'CR2',
  'GBPA',
  'STRTAB_BASE',
  'STRTAB_BASE_CFG',
]);

/** What the registers say about transactions, decoded when they are written. */
export interface Control {
  readonly enabled: boolean;
  readonly globalAbort: boolean;
  readonly recordsBadStreamId: boolean;
  /** CR0.ATSCHK: Translated transactions are checked against STE.EATS. */
  readonly atsCheck: boolean;
  /** CR2.REC_CFG_ATS, where implemented: ATS accesses record configuration errors. */
  readonly recordsAtsConfiguration: boolean;
  readonly e2h: boolean;
  /** Attributes of what passes while SMMUEN=0, the overrides of GBPA applied. */
  readonly attributes: AttributesCode;
  readonly streamTable: StreamTableShape;
}

/** STRTAB_BASE_CFG.SPLIT: reserved values behave as 6 (IHI 0070 §6.3.25). */
function effectiveSplit(programmed: number): number {
  return programmed === 8 || programmed === 10 ? programmed : 6;
}

/** Decodes the registers that govern transactions (IHI 0070 §6.3.9, §6.3.12, §6.3.14, §6.3.23). */
export function readControl(registers: RegisterFile, features: Features): Control {
  const log2Size = Math.min(registers.field(TABLE_LOG2SIZE), features.sidSize);
  const split = effectiveSplit(registers.field(TABLE_SPLIT));
  const twoLevel = features.twoLevelStreamTable && registers.field(TABLE_FMT) === 1;
  const address = registers.field(TABLE_ADDRESS) % 2 ** 52;
  // The base is aligned to the table's size (IHI 0070 §6.3.23).
  const bytes = twoLevel
    ? Math.max(64, 8 * 2 ** Math.max(0, log2Size - split))
    : 64 * 2 ** log2Size;
  return {
    enabled: registers.field(SMMUEN) === 1,
    globalAbort: registers.field(GBPA_ABORT) === 1,
    recordsBadStreamId: registers.field(RECINVSID) === 1,
    atsCheck: registers.field(ATSCHK) === 1,
    recordsAtsConfiguration: features.atsRecordsErrors && registers.field(REC_CFG_ATS) === 1,
    e2h: registers.field(E2H) === 1,
    attributes: inputAttributes(
      {
        MTCFG: registers.field(GBPA_MTCFG),
        MemAttr: registers.field(GBPA_MEMATTR),
        ALLOCCFG: registers.field(GBPA_ALLOCCFG),
        SHCFG: registers.field(GBPA_SHCFG),
      },
      features,
    ),
    streamTable: { base: address - (address % bytes), log2Size, twoLevel, split },
  };
}
