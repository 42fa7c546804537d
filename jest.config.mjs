// CommonJS mode through esbuild: twice as fast as jest's ESM mode, and middy (ESM only) still loads.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test', '<rootDir>/lambdas', '<rootDir>/schemas', '<rootDir>/lib', '<rootDir>/local'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: { '\\.m?[jt]s$': '<rootDir>/test/esbuild-transform.mjs' },
  transformIgnorePatterns: ['/node_modules/(?!(@middy|@scalar|canonicalize|oauth4webapi|jose)/)'],
  moduleNameMapper: {
    '^(@middy/[a-z-]+)$': '<rootDir>/node_modules/$1/index.js',
  },
  reporters: ['default', '<rootDir>/test/summary-reporter.mjs'],
  // jest leaves a core idle by default, which is half of a small machine.
  maxWorkers: '100%',
  // Generous: machines are shared, and no test asserts a duration.
  testTimeout: 120_000,
}
