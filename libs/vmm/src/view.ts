import type { GuestRegister } from '@steward/domain';

/** What a VMM sees of one of its vSMMUs: guest registers and RAM, its vDEVICEs and what they are attached to. */
export interface VsmmuView {
  readonly vsmmu: string;
  register(name: GuestRegister): bigint;
  /** The 64-bit word of guest RAM at an IPA; undefined outside RAM. */
  readGuest(ipa: number): bigint | undefined;
  /** vSID → device. */
  readonly vdevices: ReadonlyMap<number, string>;
  /** Device → the nested domain it is attached to, when the reaction begins. */
  readonly attached: ReadonlyMap<string, string>;
}

/** The two domains a VMM allocates once per vSMMU: a V=1 abort and a V=1 bypass vSTE. */
export function proxyDomain(vsmmu: string, kind: 'abort' | 'bypass'): string {
  return `${vsmmu}.${kind}`;
}
