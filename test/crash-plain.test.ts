import { crashSuite } from './crash.ts'

// `npm run test:crash` plays every point.
crashSuite('none', { oneOf: 5, seed: 3 })
