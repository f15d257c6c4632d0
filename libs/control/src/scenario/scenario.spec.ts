import { parseScenario, ScenarioSyntaxError, withGuests } from './scenario';

const TEXT = `
name: demo
host: { id: h }
smmus:
  - { id: s, idr: ['0x0d44101b', '0x02730010', 0, '0x1414', 0, '0x74'] }
guests:
  - { name: g, smmu: s, recording: g.json }
`;

const problem = (text: string): string => {
  try {
    parseScenario(text, 'demo.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(ScenarioSyntaxError);
    return (error as Error).message;
  }
  return 'none';
};

describe('parseScenario', () => {
  it('reads words as numbers and fills in what is left out', () => {
    expect(parseScenario(TEXT, 'demo.yaml')).toEqual({
      name: 'demo',
      seed: 1,
      host: { id: 'h', policy: 'mainline' },
      smmus: [{ id: 's', idr: [0x0d44101b, 0x02730010, 0, 0x1414, 0, 0x74], iidr: 0, aidr: 0 }],
      canwbs: true,
      guests: [{ name: 'g', smmu: 's', recording: 'g.json' }],
    });
  });

  it.each([
    ['broken YAML', 'name: [', /^demo\.yaml: .*line 1/s],
    ['an empty file', '', /^demo\.yaml: document: /],
    [
      'an unknown key, with its path',
      TEXT.replace('host: {', 'host: { colour: red,'),
      /host: .*colour/,
    ],
    ['a word that is too wide', TEXT.replace("'0x74'", "'0x100000000'"), /smmus\.0\.idr\.5: /],
    ['a missing ID register', TEXT.replace(", '0x74'", ''), /smmus\.0\.idr/],
    ['a name with a slash', TEXT.replace('name: g', 'name: g/h'), /guests\.0\.name: /],
    ['an unknown policy', TEXT.replace('id: h', 'id: h, policy: lax'), /host\.policy: /],
    ['an unknown SMMU', TEXT.replace('smmu: s', 'smmu: other'), /guest g: no SMMU other$/],
    ['two guests of a name', `${TEXT}  - { name: g, smmu: s, recording: b }\n`, /are named g$/],
  ])('says what is wrong: %s', (_name, text, message) => {
    expect(problem(text)).toMatch(message);
  });

  const withDevice = (device: string, idr0 = '0x0d44141b', idr1 = '0x02730200') =>
    TEXT.replace('0x0d44101b', idr0)
      .replace('0x02730010', idr1)
      .replace('recording: g.json', `recording: g.json, passthrough: [${device}]`);

  it('knows devices beside those of the recording, with ATCs and PASIDs', () => {
    const text = withDevice('{ name: nic, ats: true, atc: true, pasidBits: 4, pasids: [1, 9] }');
    expect(parseScenario(text, 'demo.yaml').guests[0]?.passthrough).toEqual([
      { name: 'nic', ats: true, atc: true, pasidBits: 4, pasids: [1, 9] },
    ]);
    expect(parseScenario(withDevice('{ name: nic }'), 'demo.yaml').guests[0]?.passthrough).toEqual([
      { name: 'nic', ats: false, atc: false, pasids: [] },
    ]);
  });

  it.each([
    ['{ name: nic, atc: true }', /passthrough\.0: an ATC needs ats: true/],
    ['{ name: nic, pasids: [1] }', /a PASID does not fit in pasidBits/],
    ['{ name: nic, pasidBits: 2, pasids: [4] }', /a PASID does not fit in pasidBits/],
    ['{ name: nic, pasidBits: 2, pasids: [1, 1] }', /a PASID is there twice/],
    ['{ name: nic, pasidBits: 2, pasids: [0] }', /passthrough\.0\.pasids\.0/],
    ['{ name: nic, pasidBits: 21 }', /passthrough\.0\.pasidBits/],
    ['{ name: nic }, { name: nic }', /guest g: two devices are named nic/],
    ['{ name: nic, pasidBits: 20, pasids: [256] }', /no SubstreamID 256/],
  ])('refuses the device %s', (device, message) => {
    expect(problem(withDevice(device))).toMatch(message);
  });

  it('refuses ATS behind an SMMU without', () => {
    const text = withDevice('{ name: nic, ats: true }', '0x0d44101b');
    expect(problem(text)).toMatch(/guest g: nic cannot do ATS, as IDR0 of s has none/);
  });

  it('refuses two SMMUs of an id', () => {
    const twice = TEXT.replace('guests:', '  - { id: s, idr: [0, 0, 0, 0, 0, 0] }\nguests:');
    expect(problem(twice)).toMatch(/demo\.yaml: .*SMMUs.* s$/);
  });
});

describe('withGuests', () => {
  const names = (count: number) =>
    withGuests(parseScenario(TEXT, 'demo.yaml'), count).guests.map((g) => g.name);

  it('repeats guests under numbered names, or cuts them', () => {
    expect(names(3)).toEqual(['g', 'g-2', 'g-3']);
    expect(names(0)).toEqual([]);
  });
});
