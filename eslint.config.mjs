import tseslint from 'typescript-eslint';

/** Rooms whose behaviour is a function of their arguments: no I/O, clock, randomness, Nest or async. */
const PURE = ['smmu', 'host', 'domain', 'iommufd', 'machine', 'vmm', 'guest'].map(
  (room) => `libs/${room}/src/**/*.ts`,
);
const SPECS = ['**/*.spec.ts', '**/__fixtures__/**'];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '**/*.cjs', '**/*.mjs'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { ignoreRestSiblings: true, varsIgnorePattern: '^_', argsIgnorePattern: '^_' },
      ],
      eqeqeq: 'error',
    },
  },
  {
    // Nest reads constructor parameter types at run time, so these imports must stay values.
    files: ['apps/**/*.ts', 'libs/control/**/*.ts'],
    rules: { '@typescript-eslint/consistent-type-imports': 'off' },
  },
  {
    files: PURE,
    ignores: SPECS,
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: ['node:*', '@nestjs/*', 'rxjs', 'rxjs/*', 'better-sqlite3'] },
      ],
      'no-restricted-globals': [
        'error',
        ...['process', 'setTimeout', 'setInterval', 'setImmediate', 'fetch', 'performance'],
        ...['crypto', 'console', 'require'],
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'Math',
          property: 'random',
          message: 'a pure room takes its randomness as input',
        },
        { object: 'Date', property: 'now', message: 'a pure room takes the time as input' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"]', message: 'a pure room has no clock' },
        { selector: ':function[async=true]', message: 'a pure room is synchronous' },
        { selector: 'AwaitExpression', message: 'a pure room is synchronous' },
      ],
    },
  },
);
