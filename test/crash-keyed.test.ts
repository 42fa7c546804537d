import { crashSuite } from './crash.ts'

// `npm run test:crash` plays every point.
crashSuite('key', { oneOf: 5, seed: 1 })
