import type { ObjectKind, Session } from '@steward/iommufd';

/** The recording's symbolic names for object ids. */
export class Names {
  private readonly ids = new Map<string, number>();

  constructor(private readonly session: () => Session) {}

  give(name: string, id: number): void {
    this.ids.set(name, id);
  }

  /** The id behind a name; `id7777(none)` is that number, `x(destroyed)` the id that x had. */
  id(name: unknown): number {
    if (typeof name !== 'string') throw new RangeError(`${String(name)} is no object's name`);
    const bad = /^id(\d+)\(none\)$/.exec(name)?.[1];
    if (bad !== undefined) return Number(bad);
    return this.ids.get(name) ?? this.ids.get(name.replace(/\(destroyed\)$/, '')) ?? UNKNOWN;
  }

  /** The id of the newest object of a kind, for steps that name none. */
  lastOf(kind: ObjectKind): number {
    const { objects } = this.session();
    return objects.ids().findLast((id) => objects.get(id)?.kind === kind) ?? UNKNOWN;
  }

  /** The name of a HWPT: an automatic one is called after its IOAS. */
  nameOfHwpt(id: number, expected: unknown): string {
    const { objects, context } = this.session();
    const object = objects.of('stage1', id);
    if (object?.automatic === true) {
      const ioas = context.get('s1-domain', object.name)?.ioas;
      const at = objects.find((other) => other.kind === 'ioas' && other.name === ioas);
      return `auto(${this.nameOf(at, expected)})`;
    }
    return this.nameOf(id, expected);
  }

  /** The vSID of a device's vDEVICE, 0 without one. */
  vsidOf(device: string | undefined): bigint {
    const vdevice = this.session().context.get('device', device ?? '')?.vdevice;
    return BigInt(vdevice?.vsid ?? 0);
  }

  /** One id may have had several names; the expected one is given if it is among them. */
  private nameOf(id: number | undefined, expected: unknown): string {
    const names = [...this.ids].filter(([, known]) => known === id).map(([name]) => name);
    const wanted = names.find((name) => expected === name || expected === `auto(${name})`);
    return wanted ?? names.at(-1) ?? `id ${id}`;
  }
}

/** An id that no object ever has. */
const UNKNOWN = 2 ** 31 - 1;
