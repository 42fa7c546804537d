import { everyPoint } from '../crash.ts'
import { eraseSuite } from '../crash-erase.ts'

eraseSuite(everyPoint)
