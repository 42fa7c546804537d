import { crashSuite } from './crash.ts'

// `npm run test:crash` plays every point.
crashSuite('key', { oneOf: 12, seed: 1 })
