import { everyPoint } from '../crash.ts'
import { consentSuite } from '../crash-consent.ts'

consentSuite(everyPoint)
