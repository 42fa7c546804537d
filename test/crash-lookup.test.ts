import { crashSuite } from './crash.ts'

// `npm run test:crash` plays every point.
crashSuite('lookup', { oneOf: 12, seed: 2 })
