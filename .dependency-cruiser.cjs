// Who may import whom, as docs/architecture.md says. A room that is not listed may import nothing of ours.
const MAY_IMPORT = {
  smmu: [],
  ledger: [],
  host: ['smmu'],
  // iommufd asks its driver: the driver's pure rules (what it probes, accepts, converts) are in host.
  domain: ['smmu', 'host'],
  iommufd: ['domain', 'smmu'],
  vmm: ['domain', 'smmu'],
  guest: ['domain', 'smmu'],
  machine: ['smmu', 'host', 'domain'],
  audit: ['ledger', 'domain', 'machine', 'smmu'],
  replay: ['ledger', 'domain', 'vmm', 'machine', 'audit'],
  interop: ['guest', 'domain', 'audit', 'smmu'],
  control: [
    ...['smmu', 'host', 'domain', 'iommufd', 'machine', 'vmm', 'guest'],
    ...['ledger', 'audit', 'replay', 'interop'],
  ],
};
const PURE = ['smmu', 'host', 'domain', 'iommufd', 'machine', 'vmm', 'guest'];
const SPEC = '(\\.spec\\.ts|/__fixtures__/)';

module.exports = {
  forbidden: [
    ...Object.entries(MAY_IMPORT).map(([room, allowed]) => ({
      name: `${room}-imports`,
      comment: `libs/${room} may import ${allowed.join(', ') || 'nothing of ours'}`,
      severity: 'error',
      from: { path: `^libs/${room}/` },
      to: { path: '^(libs|apps)/', pathNot: `^libs/(${[room, ...allowed].join('|')})/` },
    })),
    {
      name: 'rooms-have-one-door',
      comment: 'another room is imported through its index, never by its inner files',
      severity: 'error',
      from: { path: '^libs/([^/]+)/' },
      to: { path: '^libs/', pathNot: '^libs/(?:$1/|[^/]+/src/index\\.ts$)' },
    },
    {
      name: 'pure-rooms-touch-nothing',
      severity: 'error',
      from: { path: `^libs/(${PURE.join('|')})/`, pathNot: SPEC },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-rooms-know-no-framework',
      severity: 'error',
      from: { path: `^libs/(${PURE.join('|')})/`, pathNot: SPEC },
      to: { path: 'node_modules/(@nestjs|rxjs|better-sqlite3)' },
    },
    {
      name: 'libs-know-no-app',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'no-cycles',
      comment: 'the deciders read each other through the aggregate table, by type only',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.base.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
  },
};
