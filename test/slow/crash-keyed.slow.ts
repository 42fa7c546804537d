import { crashSuite, everyPoint } from '../crash.ts'

crashSuite('key', everyPoint)
