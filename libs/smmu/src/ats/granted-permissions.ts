import { S1_CLEAN, S2_CLEAN } from '../cache/tlb-info';
import { needOf } from '../translation/permissions';
import type { TranslationRequest } from './translation-request';

/** The STE's overrides of a request's attributes; undefined: the request's own. */
export interface AttributeOverrides {
  readonly privileged: boolean | undefined;
  readonly instruction: boolean | undefined;
}

/** R, W and Exe of a Translation Completion. */
export interface GrantedPermissions {
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

/**
 * What a translation lets a requester do (IHI 0070 §13.7.1). `info` holds what both stages permit;
 * `dirty`: the tables have been updated for a write.
 */
export function grantedPermissions(
  info: number,
  request: TranslationRequest,
  overrides: AttributeOverrides,
  dirty: boolean,
): GrantedPermissions {
  // Priv and Exe lie in the PASID: without one, both are 0.
  const withPasid = request.substreamId !== undefined;
  const exe = withPasid && request.instruction === true;
  const privileged = overrides.privileged ?? (withPasid && request.privileged === true);
  const has = (kind: 'read' | 'write' | 'execute'): boolean => {
    const need = needOf(privileged, kind === 'write', kind === 'execute');
    const bits = need.stage1 | need.stage2;
    return (info & bits) === bits;
  };
  // INSTCFG=INST makes every read a fetch, INSTCFG=DATA every fetch a read.
  const readable = overrides.instruction === true ? has('execute') : has('read');
  const fetchable = overrides.instruction === undefined ? has('execute') : true;
  return {
    readable,
    writable: has('write') && (dirty || (info & (S1_CLEAN | S2_CLEAN)) === 0),
    executable: exe && readable && fetchable,
  };
}
