import * as c from '../__fixtures__/commands';
import { given, history, History } from '../__fixtures__/given-when-then';
import type { Command, CommandOf } from '../aggregates';
import type { Hex } from '../hex';
import { iovaAlignment, usableIovas } from './iova-ranges';

type Of<T extends CommandOf<'ioas'>['type']> = Extract<CommandOf<'ioas'>, { type: T }>;

const WORD_MAX = (1n << 64n) - 1n;
const base: readonly Command[] = [c.registerHost, c.createVm, c.createIoas];
const { iova: _, ...anywhere } = c.mapIova;
const pages = (count: number, at?: Hex): Of<'MapIova'> => ({
  ...anywhere,
  length: `0x${(count * 4096).toString(16)}`,
  ...(at !== undefined && { iova: at }),
});
const allow = (...ranges: [Hex, Hex][]): Of<'AllowIovas'> => ({
  type: 'AllowIovas',
  ioas: 'i',
  ranges: ranges.map(([first, last]) => ({ first, last })),
});
const hugePages = (enabled: boolean): Of<'SetHugePages'> => ({
  type: 'SetHugePages',
  ioas: 'i',
  enabled,
});
const ioas = (commands: readonly Command[]) => new History(history(...commands)).get('ioas', 'i')!;

/** Where the kernel puts so many pages, or why it does not. */
function chosen(commands: readonly Command[], count: number): string {
  const { decision } = given(...history(...commands)).when(pages(count));
  return decision.ok ? String(decision.answer?.['iova']) : decision.errno;
}

describe('MapIova without an IOVA', () => {
  it('takes the lowest page but the first, then the first gap that is wide enough', () => {
    expect(chosen(base, 1)).toBe('0x1000');
    const around = [...base, pages(1, '0x1000'), pages(1, '0x4000')];
    expect(chosen(around, 2)).toBe('0x2000');
    expect(chosen(around, 3)).toBe('0x5000');
  });

  it('keeps to the ranges that are allowed, aligned to pages', () => {
    const narrow = [...base, allow(['0x9000', '0xafff'], ['0x2800', '0x4fff'])];
    expect(chosen(narrow, 1)).toBe('0x3000');
    expect(chosen([...narrow, pages(2, '0x3000')], 1)).toBe('0x9000');
    expect(chosen(narrow, 3)).toBe('ENOSPC');
  });

  it('leaves out what devices reserve and tables do not reach', () => {
    const attached = [...c.BOUND, c.createIoas, c.allocateParent, c.attach('s2-parent', 'p')];
    const below = { ...pages(1, '0x1000'), length: '0x100000' } as const;
    const filled = [...attached, below];
    const far = allow(['0x7ff0000', '0x90fffff']);
    given(...history(...filled))
      .when(far)
      .thenRejected('EADDRINUSE', 'ioas.reserved');
    const before = [...c.BOUND, c.createIoas, allow(['0x7fff000', '0x7ffffff'])];
    expect(chosen([...before, c.allocateParent, c.attach('s2-parent', 'p')], 2)).toBe('ENOSPC');
  });

  it('says EOVERFLOW for half the address space, EINVAL for nothing', () => {
    const of = (length: Hex) => given(...history(...base)).when({ ...anywhere, length }).decision;
    expect(of('0x7fffffffffffffff')).toMatchObject({ ok: false, errno: 'EOVERFLOW' });
    expect(of('0x0')).toMatchObject({ ok: false, errno: 'EINVAL' });
  });

  it('maps there, and says where', () => {
    const { decision } = given(...history(...base)).when(pages(2));
    expect(decision).toMatchObject({
      ok: true,
      answer: { iova: '0x1000' },
      events: [{ event: { type: 'IoasMapped', iova: '0x1000', length: '0x2000' } }],
    });
  });
});

describe('AllowIovas', () => {
  it.each<[string, [Hex, Hex][]]>([
    ['a range of one byte', [['0x1000', '0x1000']]],
    ['a range that ends before it begins', [['0x2000', '0x1000']]],
    [
      'ranges that share a byte',
      [
        ['0x1000', '0x1fff'],
        ['0x1fff', '0x2fff'],
      ],
    ],
  ])('refuses %s', (_what, ranges) => {
    given(...history(...base))
      .when(allow(...ranges))
      .thenRejected('EINVAL', 'ioas.range');
  });

  it('replaces what was allowed, and allows everything again', () => {
    const narrow = [...base, allow(['0x9000', '0x9fff'])];
    expect(chosen([...narrow, allow(['0x5000', '0x5fff'])], 1)).toBe('0x5000');
    expect(chosen([...narrow, allow()], 1)).toBe('0x1000');
  });

  it('keeps devices and tables out of what it promised', () => {
    const window = allow(['0x8000000', '0x80fffff']);
    given(...history(...c.PARENTED, window))
      .when(c.attach('s2-parent', 'p'))
      .thenRejected('EADDRINUSE', 'ioas.reserved');
    const everything = allow(['0x0', '0xffffffffffffffff']);
    given(...history(...c.BOUND, c.createIoas, everything))
      .when(c.allocateParent)
      .thenRejected('EADDRINUSE', 'ioas.aperture');
  });

  it('does not bind a mapping that names its IOVA', () => {
    const world = history(...base, allow(['0x9000', '0x9fff']));
    expect(given(...world).when(pages(1, '0x1000')).decision.ok).toBe(true);
  });

  it('needs the IOAS', () => {
    given().when(allow()).thenRejected('ENOENT', 'ioas.absent');
  });
});

describe('the usable IOVAs', () => {
  it('are all of them until a device or a table takes some', () => {
    expect(usableIovas(ioas(base))).toEqual([{ first: 0n, last: WORD_MAX }]);
    const attached = [...c.PARENTED, c.attach('s2-parent', 'p')];
    expect(usableIovas(ioas(attached))).toEqual([
      { first: 0n, last: 0x7ffffffn },
      { first: 0x8100000n, last: (1n << 44n) - 1n },
    ]);
  });

  it('are bytes until there is a table, or pages alone are wanted', () => {
    expect(iovaAlignment(ioas(base))).toBe(1);
    expect(iovaAlignment(ioas([...base, hugePages(false)]))).toBe(4096);
    expect(iovaAlignment(ioas(c.PARENTED))).toBe(4096);
  });
});

describe('SetHugePages', () => {
  it('is remembered, and changes nothing when it is so already', () => {
    given(...history(...base))
      .when(hugePages(true))
      .thenNothingHappened();
    given(...history(...base, hugePages(false)))
      .when(hugePages(false))
      .thenNothingHappened();
    expect(ioas([...base, hugePages(false), hugePages(true)]).hugePages).toBe(true);
  });

  it('comes too late once tables map something', () => {
    given(...history(...c.PARENTED))
      .when(hugePages(false))
      .thenRejected('EINVAL', 'ioas.mirrored');
  });
});

describe('CopyIova', () => {
  const other = { ...c.createIoas, ioas: 'j' } as const;
  const second = { ...pages(1, '0x3000'), pa: '0x100100000', write: false } as const;
  const world = history(...base, other, pages(2, '0x1000'), second);
  const copy = (more: Partial<Of<'CopyIova'>> = {}): Of<'CopyIova'> => ({
    type: 'CopyIova',
    ioas: 'j',
    iova: '0x10000',
    from: 'i',
    source: '0x2000',
    length: '0x2000',
    read: true,
    write: false,
    ...more,
  });
  const mapped = (iova: Hex, pa: Hex, more = {}) => ({
    stream: 'ioas/j',
    event: {
      ...{ type: 'IoasMapped', ioas: 'j', iova, length: '0x1000', pa },
      ...{ read: true, write: false, ...more },
    },
  });

  it('maps the memory behind a range, area by area', () => {
    given(...world)
      .when(copy())
      .then(mapped('0x10000', '0x100001000', { writable: true }), mapped('0x11000', '0x100100000'));
  });

  it('lets no memory be written that was mapped to be read', () => {
    given(...world)
      .when(copy({ write: true }))
      .thenRejected('EPERM', 'ioas.read-only');
    const written = copy({ write: true, length: '0x1000' });
    expect(given(...world).when(written).decision.ok).toBe(true);
    const read = copy({ length: '0x1000' });
    const back = {
      ioas: 'i',
      from: 'j',
      iova: '0x20000',
      source: '0x10000',
      length: '0x1000',
    } as const;
    const twice = history(...base, other, pages(2, '0x1000'), read);
    expect(given(...twice).when(copy({ ...back, write: true })).decision.ok).toBe(true);
  });

  it.each<[string, Partial<Of<'CopyIova'>>, string]>([
    ['a source that is not there', { from: 'k' }, 'ENOENT'],
    ['a destination that is not there', { ioas: 'k' }, 'ENOENT'],
    ['nothing', { length: '0x0' }, 'EINVAL'],
    ['a range that wraps', { length: '0xfffffffffffff000' }, 'EOVERFLOW'],
    ['a range with a gap behind it', { length: '0x3000' }, 'ENOENT'],
    ['a range that begins unmapped', { source: '0x0' }, 'ENOENT'],
    ['half a page', { length: '0x800' }, 'EINVAL'],
    ['a place that is taken', { ioas: 'i', iova: '0x1000' }, 'EEXIST'],
    ['a place between pages', { iova: '0x10800' }, 'EINVAL'],
  ])('refuses %s', (_what, change, errno) => {
    expect(given(...world).when(copy(change)).decision).toMatchObject({ ok: false, errno });
  });

  it('leaves the place to the kernel when none is named', () => {
    const { iova: _iova, ...unplaced } = copy();
    expect(given(...world).when(unplaced).decision).toMatchObject({ answer: { iova: '0x1000' } });
  });
});
