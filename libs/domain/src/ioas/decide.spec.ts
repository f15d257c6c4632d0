import * as c from '../__fixtures__/commands';
import { given, history, History } from '../__fixtures__/given-when-then';
import { ImpossibleEventError } from '../decision';
import type { Hex } from '../hex';
import { evolve } from './state';

const empty = history(c.registerHost, c.createVm, c.createIoas);
const full = history(c.registerHost, c.createVm, c.createIoas, c.mapIova);
const on = (event: { readonly type: string }) => ({ stream: 'ioas/i', event });
const unmap = (iova: Hex, length: Hex) => ({ type: 'UnmapIova', ioas: 'i', iova, length }) as const;
const page = (iova: Hex) => ({ ...c.mapIova, iova, length: '0x1000' }) as const;

describe('CreateIoas', () => {
  it('is of a VM, once', () => {
    given(...history(c.registerHost, c.createVm))
      .when(c.createIoas)
      .then(on({ ...c.createIoas, type: 'IoasCreated' }));
    given().when(c.createIoas).thenRejected('ENOENT', 'vm.absent');
    given(...empty)
      .when(c.createIoas)
      .thenRejected('EEXIST', 'ioas.exists');
  });
});

describe('MapIova', () => {
  it('maps memory of the VM', () => {
    given(...empty)
      .when(c.mapIova)
      .then(on({ ...c.mapIova, type: 'IoasMapped' }));
  });

  it('needs the IOAS', () => {
    given().when(c.mapIova).thenRejected('ENOENT', 'ioas.absent');
  });

  it.each<[Hex, Hex, Hex]>([
    ['0x800', '0x1000', c.RAM.pa],
    ['0x0', '0x800', c.RAM.pa],
    ['0x0', '0x0', c.RAM.pa],
    ['0x0', '0x1000', '0x100000800'],
  ])('refuses IOVA %s of %s bytes at %s: not whole pages', (iova, length, pa) => {
    given(...empty)
      .when({ ...c.mapIova, iova, length, pa })
      .thenRejected('EINVAL', 'ioas.alignment');
  });

  it('refuses a range that wraps at 2^64 or lies beyond any SMMU', () => {
    given(...empty)
      .when({ ...c.mapIova, iova: '0xfffffffffffff000', length: '0x1000' })
      .thenRejected('EOVERFLOW', 'ioas.overflow');
    given(...empty)
      .when({ ...c.mapIova, iova: '0xffffffffffffe000', length: '0x1000' })
      .thenRejected('EINVAL', 'ioas.aperture');
  });

  it('refuses memory that is not wholly the VM’s', () => {
    for (const pa of ['0x40000000', '0x1001ff000'] as const) {
      given(...empty)
        .when({ ...c.mapIova, pa, length: '0x2000' })
        .thenRejected('EFAULT', 'ioas.memory');
    }
  });

  it('looks at its memory last, when pages are pinned: an IOVA that is mapped comes before', () => {
    given(...full)
      .when({ ...c.mapIova, pa: '0x180000000' })
      .thenRejected('EEXIST', 'ioas.mapped');
  });

  it('refuses an IOVA that is mapped, in part too', () => {
    given(...full)
      .when(page('0x401ff000'))
      .thenRejected('EEXIST', 'ioas.mapped');
  });

  it('refuses the software-MSI window from the first attach on, and only then', () => {
    const inWindow = page('0x80ff000');
    given(...history(...c.PARENTED, c.attach('s2-parent', 'p')))
      .when(inWindow)
      .thenRejected('EINVAL', 'ioas.reserved');
    expect(given(...empty).when(inWindow).decision.ok).toBe(true);
    const beside = given(...history(...c.PARENTED, c.attach('s2-parent', 'p')));
    expect(beside.when(page('0x8100000')).decision.ok).toBe(true);
    expect(beside.when(page('0x7fff000')).decision.ok).toBe(true);
  });
});

describe('UnmapIova', () => {
  it('takes away every mapping inside the range, and names what was mapped', () => {
    given(...full)
      .when(unmap('0x3ffff000', '0x300000'))
      .then(on({ ...unmap('0x40000000', '0x200000'), type: 'IoasUnmapped' }));
    const state = new History([
      ...full,
      on({ ...unmap('0x40000000', '0x200000'), type: 'IoasUnmapped' }),
    ]).get('ioas', 'i');
    expect(state?.areas).toEqual([]);
  });

  it('takes away what comes before a mapping that reaches beyond the range, then fails', () => {
    const pages = ['0x0', '0x1000', '0x4000'] as const;
    const world = history(c.registerHost, c.createVm, c.createIoas, ...pages.map(page), {
      ...c.mapIova,
      iova: '0x8000',
    });
    const { decision } = given(...world).when(unmap('0x0', '0x9000'));
    expect(decision).toMatchObject({
      ok: true,
      events: [on({ ...unmap('0x0', '0x5000'), type: 'IoasUnmapped' })],
      stopped: { errno: 'ENOENT', code: 'ioas.straddles' },
    });
  });

  it('of everything counts what there was, and is content with nothing', () => {
    const everything = unmap('0x0', '0xffffffffffffffff');
    expect(given(...full).when(everything).decision.answer).toEqual({ unmapped: '0x200000' });
    expect(given(...empty).when(everything).decision).toEqual({
      ok: true,
      events: [],
      answer: { unmapped: '0x0' },
    });
  });

  it('needs the IOAS and something mapped', () => {
    given().when(unmap('0x0', '0x1000')).thenRejected('ENOENT', 'ioas.absent');
    given(...empty)
      .when(unmap('0x40000000', '0x1000'))
      .thenRejected('ENOENT', 'ioas.unmapped');
  });

  it('refuses to cut a mapping', () => {
    for (const [iova, length] of [
      ['0x40000000', '0x1ff000'],
      ['0x40001000', '0x1ff000'],
    ] as const) {
      given(...full)
        .when(unmap(iova, length))
        .thenRejected('ENOENT', 'ioas.straddles');
    }
  });

  it('refuses an IOVA of 2^64-1 before it looks at the length', () => {
    for (const length of ['0x0', '0x1'] as const) {
      given(...full)
        .when(unmap('0xffffffffffffffff', length))
        .thenRejected('EOVERFLOW', 'ioas.overflow');
    }
  });

  it('refuses a range that wraps', () => {
    given(...full)
      .when(unmap('0xfffffffffffff000', '0x1001'))
      .thenRejected('EOVERFLOW', 'ioas.overflow');
    given(...full)
      .when(unmap('0xfffffffffffff000', '0x1000'))
      .thenRejected('ENOENT', 'ioas.unmapped');
  });
});

describe('the history of an IOAS', () => {
  const state = new History(full).get('ioas', 'i');

  it('keeps areas in IOVA order', () => {
    const next = evolve(state, { ...page('0x1000'), type: 'IoasMapped' });
    expect(next.areas.map((a) => a.base)).toEqual([0x1000, 0x40000000]);
  });

  it('cannot map twice, begin twice, or not begin', () => {
    const mapped = { ...c.mapIova, type: 'IoasMapped' } as const;
    expect(() => evolve(state, mapped)).toThrow(ImpossibleEventError);
    expect(() => evolve(state, { ...c.createIoas, type: 'IoasCreated' })).toThrow(
      ImpossibleEventError,
    );
    expect(() => evolve(undefined, mapped)).toThrow(ImpossibleEventError);
  });
});
