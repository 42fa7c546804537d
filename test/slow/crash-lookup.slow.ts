import { crashSuite, everyPoint } from '../crash.ts'

crashSuite('lookup', everyPoint)
