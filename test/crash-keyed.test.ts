import { crashSuite } from './crash.ts'

crashSuite('key')
