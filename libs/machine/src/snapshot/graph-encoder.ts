import { ByteWriter, SnapshotError } from './bytes';
import { KIND, VALUE, VIEWS, WORD_BYTES, type StateClasses } from './object-graph';

/**
 * An object and everything that can be reached from it, as bytes: plain objects, arrays, maps, sets, typed arrays over
 * their memory, and instances of the classes given. Which object refers to which is kept, cycles too.
 * @throws SnapshotError naming what cannot be written: a function, a symbol, an instance of another class.
 */
export function encodeGraph(root: object, classes: StateClasses): Uint8Array {
  return new GraphEncoder(classes).encode(root);
}

class GraphEncoder {
  private readonly names: ReadonlyMap<unknown, string>;
  /** The objects met, by number; each is written once, after those before it. */
  private readonly objects: object[] = [];
  private readonly numbers = new Map<object, number>();
  private readonly texts = new Map<string, number>();
  /** Class and keys of an object, by the text of both. */
  private readonly shapes = new Map<string, number>();
  /** What each object is; the decoder makes all of them before it fills the first. */
  private readonly kinds = new ByteWriter();
  private readonly members = new ByteWriter();

  constructor(classes: StateClasses) {
    this.names = new Map([...classes].map(([name, type]) => [type, name]));
  }

  encode(root: object): Uint8Array {
    this.number(root);
    // Grows while it is gone through.
    for (const object of this.objects) this.writeMembers(object);
    const whole = new ByteWriter();
    whole.count(this.objects.length);
    whole.block(this.kinds.bytes());
    whole.block(this.members.bytes());
    return whole.bytes();
  }

  private number(object: object): number {
    const known = this.numbers.get(object);
    if (known !== undefined) return known;
    // The memory of a view comes first, so that it is there when the view is made.
    const buffer = ArrayBuffer.isView(object) ? this.number(object.buffer) : -1;
    const number = this.objects.push(object) - 1;
    this.numbers.set(object, number);
    this.writeKind(object, buffer);
    return number;
  }

  private writeKind(object: object, buffer: number): void {
    const { kinds } = this;
    if (Array.isArray(object)) kinds.byte(KIND.array);
    else if (isMap(object)) kinds.byte(KIND.map);
    else if (isSet(object)) kinds.byte(KIND.set);
    else if (isBuffer(object)) this.writeBuffer(object);
    else if (ArrayBuffer.isView(object)) this.writeView(object as Uint8Array, buffer);
    else if (isPlain(object)) this.writeShape(object, KIND.plain, '');
    else this.writeShape(object, KIND.instance, this.nameOf(object));
  }

  private writeBuffer(buffer: ArrayBuffer): void {
    const { kinds } = this;
    const bytes = new Uint8Array(buffer);
    const words = new Uint32Array(buffer, 0, Math.floor(bytes.length / WORD_BYTES));
    kinds.byte(KIND.buffer);
    kinds.count(bytes.length);
    for (let at = 0; at < words.length;) {
      const from = endOfZeros(words, at);
      const to = endOfData(words, from);
      kinds.count(from - at);
      kinds.block(bytes.subarray(from * WORD_BYTES, to * WORD_BYTES));
      at = to;
    }
    kinds.block(bytes.subarray(words.length * WORD_BYTES));
  }

  private writeView(view: Uint8Array, buffer: number): void {
    const type = VIEWS.findIndex(({ name }) => name === tagOf(view));
    if (type < 0) throw new SnapshotError(`a snapshot holds no ${tagOf(view)}`);
    this.kinds.byte(KIND.view);
    for (const part of [type, buffer, view.byteOffset, view.length]) this.kinds.count(part);
  }

  private writeShape(object: object, kind: number, name: string): void {
    const { kinds } = this;
    kinds.byte(kind);
    const keys = Object.keys(object);
    const key = JSON.stringify([name, keys]);
    const known = this.shapes.get(key);
    kinds.count(known ?? this.shapes.size);
    if (known !== undefined) return;
    this.shapes.set(key, this.shapes.size);
    kinds.text(name);
    kinds.count(keys.length);
    for (const member of keys) kinds.text(member);
  }

  private nameOf(object: object): string {
    const { constructor } = object;
    const name = this.names.get(constructor);
    if (name !== undefined) return name;
    throw new SnapshotError(`a snapshot holds no instance of ${constructor?.name ?? 'no class'}`);
  }

  private writeMembers(object: object): void {
    if (ArrayBuffer.isView(object) || isBuffer(object)) return;
    if (Array.isArray(object)) this.writeItems(object);
    else if (isSet(object)) {
      this.members.count(object.size);
      for (const item of object) this.writeValue(item, object, 'an item');
    } else if (isMap(object)) {
      this.members.count(object.size);
      for (const entry of object) {
        for (const part of entry) this.writeValue(part, object, 'an entry');
      }
    } else {
      for (const [key, value] of Object.entries(object)) this.writeValue(value, object, key);
    }
  }

  private writeItems(items: readonly unknown[]): void {
    this.members.count(items.length);
    for (let i = 0; i < items.length; i++) {
      if (i in items) this.writeValue(items[i], items, 'an item');
      else this.members.byte(VALUE.hole);
    }
  }

  private writeValue(value: unknown, owner: object, key: string): void {
    const { members } = this;
    switch (typeof value) {
      case 'undefined':
        return members.byte(VALUE.undefined);
      case 'boolean':
        return members.byte(value ? VALUE.true : VALUE.false);
      case 'number':
        return this.writeNumber(value);
      case 'string':
        return this.writeText(value);
      case 'bigint':
        members.byte(value < 0n ? VALUE.negativeBigint : VALUE.bigint);
        return members.text((value < 0n ? -value : value).toString(16));
      case 'object':
        if (value === null) return members.byte(VALUE.null);
        members.byte(VALUE.object);
        return members.count(this.number(value));
      default:
        throw new SnapshotError(
          `a snapshot holds no ${typeof value}: ${key} of ${owner.constructor.name}`,
        );
    }
  }

  private writeNumber(value: number): void {
    const { members } = this;
    if (Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) {
      members.byte(VALUE.count);
      members.count(value);
    } else {
      members.byte(VALUE.double);
      members.double(value);
    }
  }

  private writeText(value: string): void {
    const { members } = this;
    const known = this.texts.get(value);
    if (known === undefined) {
      this.texts.set(value, this.texts.size);
      members.byte(VALUE.newText);
      members.text(value);
    } else {
      members.byte(VALUE.text);
      members.count(known);
    }
  }
}

/** So many zero words in a row are left out: less would take more room than it saves. */
const GAP_WORDS = 4;

/** The first word that is not zero, from one on. */
function endOfZeros(words: Uint32Array, from: number): number {
  let at = from;
  while (at < words.length && words[at] === 0) at++;
  return at;
}

/** The end of what is to be written, from a word on: where a gap begins. */
function endOfData(words: Uint32Array, from: number): number {
  let zeros = 0;
  let at = from;
  for (; at < words.length && zeros < GAP_WORDS; at++) zeros = words[at] === 0 ? zeros + 1 : 0;
  return at - zeros;
}

// By tag and shape, not `instanceof`: objects of another realm (a worker's messages, a test sandbox) are of these kinds too.

function tagOf(object: object): string {
  return Object.prototype.toString.call(object).slice('[object '.length, -1);
}

function isMap(object: object): object is Map<unknown, unknown> {
  return tagOf(object) === 'Map';
}

function isSet(object: object): object is Set<unknown> {
  return tagOf(object) === 'Set';
}

function isBuffer(object: object): object is ArrayBuffer {
  return tagOf(object) === 'ArrayBuffer';
}

function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
