import { IoasMirror, type Area } from './ioas-mirror';

class Tables {
  readonly log: string[] = [];
  map(domain: string, { iova }: Area): void {
    this.log.push(`map ${domain} ${iova}`);
  }
  unmap(domain: string, { iova }: { iova: number }): void {
    this.log.push(`unmap ${domain} ${iova}`);
  }
}

const area = (iova: number): Area => ({ iova, length: 4096, pa: 0, read: true, write: true });
const PAGE = { iova: 0, length: 4096 };

function mirrored(...domains: string[]): { mirror: IoasMirror; tables: Tables } {
  const tables = new Tables();
  const mirror = new IoasMirror(tables);
  for (const domain of domains) mirror.add(domain);
  return { mirror, tables };
}

describe('an IOAS with several page tables', () => {
  it('unmaps last from the table that stores the pages', () => {
    const { mirror, tables } = mirrored('a', 'b', 'c');
    mirror.map(area(0));
    tables.log.length = 0;
    mirror.unmap(PAGE);
    expect(tables.log).toEqual(['unmap b 0', 'unmap c 0', 'unmap a 0']);
  });

  it('writes page by page what is mapped, or filled, while blocks are not wanted', () => {
    const { mirror, tables } = mirrored('a');
    const two = { ...area(0), length: 8192 };
    mirror.map(two);
    mirror.setHugePages(false);
    mirror.map({ ...two, iova: 8192 });
    mirror.add('b');
    const [whole, first, second, ...filled] = tables.log;
    expect([whole, first, second]).toEqual(['map a 0', 'map a 8192', 'map a 12288']);
    expect(filled).toEqual(['map b 0', 'map b 4096', 'map b 8192', 'map b 12288']);
  });

  it('lets the first table there was store, also when it came after the mapping', () => {
    const { mirror, tables } = mirrored();
    mirror.map(area(0));
    mirror.add('b');
    mirror.add('a');
    tables.log.length = 0;
    mirror.unmap(PAGE);
    expect(tables.log).toEqual(['unmap a 0', 'unmap b 0']);
  });

  it('fills the gap of a table that goes with the last, which then stores', () => {
    const { mirror, tables } = mirrored('a', 'b', 'c');
    mirror.map(area(0));
    mirror.remove('a');
    tables.log.length = 0;
    mirror.unmap(PAGE);
    expect(tables.log).toEqual(['unmap b 0', 'unmap c 0']);
  });

  it('takes areas in address order, and only those wholly inside', () => {
    const { mirror, tables } = mirrored('a');
    for (const iova of [8192, 0, 4096]) mirror.map(area(iova));
    tables.log.length = 0;
    mirror.unmap({ iova: 0, length: 8192 });
    expect(tables.log).toEqual(['unmap a 0', 'unmap a 4096']);
  });
});
