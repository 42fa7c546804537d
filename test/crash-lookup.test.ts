import { crashSuite } from './crash.ts'

// `npm run test:crash` plays every point.
crashSuite('lookup', { oneOf: 5, seed: 2 })
