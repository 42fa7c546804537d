import { crashSuite } from './crash.ts'

crashSuite('none')
