import usual from './jest.config.mjs'

/** Suites that take minutes: `npm run test:crash`. A sample of each is part of `npm test`. */
export default { ...usual, testMatch: ['<rootDir>/test/slow/*.slow.ts'], testTimeout: 600_000 }
