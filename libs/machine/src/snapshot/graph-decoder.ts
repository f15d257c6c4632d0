import { ByteReader, SnapshotError } from './bytes';
import { KIND, VALUE, VIEWS, WORD_BYTES, type StateClasses } from './object-graph';

/** No single piece of memory is larger. */
const BUFFER_BYTES_MAX = 2 ** 31;

/**
 * The object that `encodeGraph` wrote, with everything it refers to. No constructor runs.
 * @throws SnapshotError for bytes that are not such a graph, or name a class that is not given.
 */
export function decodeGraph(bytes: Uint8Array, classes: StateClasses): object {
  return new GraphDecoder(bytes, classes).decode();
}

interface Shape {
  readonly prototype: object;
  readonly keys: readonly string[];
}

class GraphDecoder {
  private readonly total: number;
  private readonly kinds: ByteReader;
  private readonly members: ByteReader;
  private readonly objects: object[] = [];
  /** The keys of each object that has any. */
  private readonly keys: (readonly string[] | undefined)[] = [];
  private readonly texts: string[] = [];
  private readonly shapes: Shape[] = [];

  constructor(
    bytes: Uint8Array,
    private readonly classes: StateClasses,
  ) {
    const whole = new ByteReader(bytes);
    this.total = whole.count();
    this.kinds = new ByteReader(whole.block());
    this.members = new ByteReader(whole.block());
  }

  decode(): object {
    for (let number = 0; number < this.total; number++) this.objects.push(this.make(number));
    this.objects.forEach((object, number) => this.fill(object, number));
    return this.objectAt(0);
  }

  /** An object without its members. */
  private make(number: number): object {
    const { kinds } = this;
    switch (kinds.byte()) {
      case KIND.plain:
      case KIND.instance: {
        const { prototype, keys } = this.shape();
        this.keys[number] = keys;
        return prototype === Object.prototype ? {} : (Object.create(prototype) as object);
      }
      case KIND.array:
        return [];
      case KIND.map:
        return new Map();
      case KIND.set:
        return new Set();
      case KIND.buffer:
        return this.buffer();
      case KIND.view:
        return this.view();
      default:
        throw new SnapshotError(`object ${number} is of no kind there is`);
    }
  }

  private shape(): Shape {
    const { kinds } = this;
    const number = kinds.count();
    const known = this.shapes[number];
    if (known !== undefined) return known;
    if (number !== this.shapes.length) throw new SnapshotError(`there is no shape ${number}`);
    const name = kinds.text();
    const prototype = name === '' ? Object.prototype : this.classes.get(name)?.prototype;
    if (prototype === undefined) throw new SnapshotError(`there is no class ${name}`);
    const keys = Array.from({ length: kinds.count() }, () => kinds.text());
    const shape = { prototype: prototype as object, keys };
    this.shapes.push(shape);
    return shape;
  }

  private buffer(): ArrayBuffer {
    const { kinds } = this;
    const length = kinds.count();
    if (length > BUFFER_BYTES_MAX) throw new SnapshotError(`memory of ${length} bytes`);
    const memory = new Uint8Array(length);
    const end = length - (length % WORD_BYTES);
    for (let at = 0; at < end;) {
      const from = at + kinds.count() * WORD_BYTES;
      const data = kinds.block();
      if (from + data.length > end || (data.length === 0 && from === at)) {
        throw new SnapshotError('memory longer than it is');
      }
      memory.set(data, from);
      at = from + data.length;
    }
    const rest = kinds.block();
    if (rest.length !== length - end) throw new SnapshotError('memory longer than it is');
    memory.set(rest, end);
    return memory.buffer;
  }

  private view(): object {
    const { kinds } = this;
    const type = VIEWS[kinds.count()];
    const buffer = this.objectAt(kinds.count());
    const [offset, length] = [kinds.count(), kinds.count()];
    if (type === undefined || !(buffer instanceof ArrayBuffer)) {
      throw new SnapshotError('a typed array over nothing');
    }
    if (
      offset % type.BYTES_PER_ELEMENT !== 0 ||
      offset + length * type.BYTES_PER_ELEMENT > buffer.byteLength
    ) {
      throw new SnapshotError('a typed array beyond its memory');
    }
    return new type(buffer, offset, length);
  }

  private fill(object: object, number: number): void {
    const keys = this.keys[number];
    if (keys !== undefined) {
      const members = object as Record<string, unknown>;
      for (const key of keys) members[key] = this.value();
    } else if (Array.isArray(object)) {
      this.fillItems(object);
    } else if (object instanceof Set) {
      for (let left = this.members.count(); left > 0; left--) object.add(this.value());
    } else if (object instanceof Map) {
      for (let left = this.members.count(); left > 0; left--)
        object.set(this.value(), this.value());
    }
  }

  private fillItems(items: unknown[]): void {
    const length = this.members.count();
    for (let i = 0; i < length; i++) {
      const kind = this.members.byte();
      if (kind === VALUE.hole) items.length = i + 1;
      else items[i] = this.valueOf(kind);
    }
  }

  private value(): unknown {
    return this.valueOf(this.members.byte());
  }

  private valueOf(kind: number): unknown {
    const { members } = this;
    switch (kind) {
      case VALUE.undefined:
        return undefined;
      case VALUE.null:
        return null;
      case VALUE.false:
        return false;
      case VALUE.true:
        return true;
      case VALUE.count:
        return members.count();
      case VALUE.double:
        return members.double();
      case VALUE.newText: {
        const text = members.text();
        this.texts.push(text);
        return text;
      }
      case VALUE.text:
        return this.knownText(members.count());
      case VALUE.bigint:
        return this.bigint();
      case VALUE.negativeBigint:
        return -this.bigint();
      case VALUE.object:
        return this.objectAt(members.count());
      default:
        throw new SnapshotError('a value of no kind there is');
    }
  }

  private bigint(): bigint {
    const digits = this.members.text();
    if (!/^[0-9a-f]+$/.test(digits)) throw new SnapshotError('a number without digits');
    return BigInt(`0x${digits}`);
  }

  private knownText(number: number): string {
    const text = this.texts[number];
    if (text === undefined) throw new SnapshotError(`there is no text ${number}`);
    return text;
  }

  private objectAt(number: number): object {
    const object = this.objects[number];
    if (object === undefined) throw new SnapshotError(`there is no object ${number}`);
    return object;
  }
}
