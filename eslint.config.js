import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'examples/**/out/', 'test/bench/out/', 'test/types/generated/', 'grammar/cst.ts'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // numbers and unions in messages are meant
      '@typescript-eslint/restrict-template-expressions': 'off',
      // short arrows that only call are the house style
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // a promise is asked for by an interface even where the work is done at once
      '@typescript-eslint/require-await': 'off',
      // `Array#forEach(async …)` and floating promises stay errors; unbound methods of node modules do not occur
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // tables of functions and records of closures have no `this`
      '@typescript-eslint/unbound-method': 'off',
      // letters of an einsum are spread on purpose
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
      // patterns of tokens are strings or regular expressions
      '@typescript-eslint/no-base-to-string': 'off',
      // what looks like a conversion may be a check of what comes from outside
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      'prefer-const': 'error', eqeqeq: 'error', 'no-var': 'error',
    },
  },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
  // kernels' interpreter is made as text, for speed; it is never shipped
  { files: ['compiler/6-kernels/interpret.ts'], rules: { '@typescript-eslint/no-implied-eval': 'off', '@typescript-eslint/no-unsafe-assignment': 'off' } },
  // type tests only name values
  { files: ['test/types/boston.ts'], rules: { '@typescript-eslint/no-meaningless-void-operator': 'off' } },
  // Chevrotain's rules give `any`; the concrete tree's types are generated
  { files: ['grammar/parser*.ts'], rules: { '@typescript-eslint/no-unsafe-return': 'off' } },
  // binaryen declares its flags as an enum and takes their union as a number
  { files: ['compiler/7-targets/wasm/index.ts'], rules: { '@typescript-eslint/no-unsafe-enum-assignment': 'off' } },
);
