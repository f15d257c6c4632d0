// Jest 30 cannot require() the ES modules of NestJS 12 on Node 20, so node_modules is compiled to CommonJS too
// (transformIgnorePatterns: []). The result is cached: only the first run pays for it.
const swc = (parser, decorators) => ({
  swcrc: false,
  jsc: { parser, target: 'es2022', keepClassNames: true, ...decorators },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
});
const ts = swc(
  { syntax: 'typescript', decorators: true },
  { transform: { legacyDecorator: true, decoratorMetadata: true } },
);
const js = swc({ syntax: 'ecmascript' }, {});

module.exports = {
  testEnvironment: 'node',
  // A machine shared with others may be slow: no test is a measurement, so none fails for taking long.
  testTimeout: 120_000,
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
  testRegex: '\\.spec\\.ts$',
  transform: { '^.+\\.ts$': ['@swc/jest', ts], '^.+\\.m?js$': ['@swc/jest', js] },
  transformIgnorePatterns: [],
  moduleNameMapper: { '^@steward/([^/]+)$': '<rootDir>/libs/$1/src/index.ts' },
};
