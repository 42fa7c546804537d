import { crashSuite } from './crash.ts'

// `npm run test:crash` plays every point.
crashSuite('none', { oneOf: 12, seed: 3 })
