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
