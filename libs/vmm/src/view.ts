import type { DeviceState, GuestRegister, VsmmuState } from '@steward/domain';

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

/** What the VMM of a vSMMU sees now; a later change of the vSMMU does not show in it. */
export function viewOf(
  vsmmu: string,
  { registers, vdevices }: VsmmuState,
  {
    device,
    readGuest,
  }: {
    readonly device: (id: string) => DeviceState | undefined;
    readonly readGuest: VsmmuView['readGuest'];
  },
): VsmmuView {
  const attached = new Map<string, string>();
  for (const id of vdevices.values()) {
    const target = device(id)?.attached;
    if (target?.kind === 'nested-domain') attached.set(id, target.id);
  }
  const register = (name: GuestRegister): bigint => registers.get(name) ?? 0n;
  return { vsmmu, vdevices: guestDevices(vdevices), attached, register, readGuest };
}

/** The vDEVICEs a guest can name: those whose virt_id is a StreamID. */
function guestDevices(vdevices: VsmmuState['vdevices']): ReadonlyMap<number, string> {
  return new Map(
    [...vdevices].filter((entry): entry is [number, string] => typeof entry[0] === 'number'),
  );
}

/** The two domains a VMM allocates once per vSMMU: a V=1 abort and a V=1 bypass vSTE. */
export function proxyDomain(vsmmu: string, kind: 'abort' | 'bypass'): string {
  return `${vsmmu}.${kind}`;
}
