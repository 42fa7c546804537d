import { eraseSuite } from './crash-erase.ts'

// `npm run test:crash` plays every point.
eraseSuite({ oneOf: 31, seed: 4 })
