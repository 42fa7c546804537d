import { crashSuite } from './crash.ts'

crashSuite('lookup')
