import { consentSuite } from './crash-consent.ts'

// `npm run test:crash` plays every point.
consentSuite({ oneOf: 12, seed: 5 })
