import { coherence } from './coherence';
import { CoherentHost } from './coherent-host';

describe('caches that forget nothing until told', () => {
  it('agree with memory after every attach, replace, unmap and destroy, in any order', () => {
    expect(coherence(24)).toMatchObject({ ok: true, failures: [] });
  });

  it('would be seen to disagree, were a change kept from them', () => {
    const host = new CoherentHost('mainline', {});
    host.toggle('p0', 1, 0);
    host.attach('plain', { kind: 'parent', parent: 'p0' });
    expect(host.disagreements()).toEqual([]);
    host.memory.write64(host.driver.stage2Of('p0').ttb, 0n);
    expect(host.disagreements()).toHaveLength(2);
  });
});
