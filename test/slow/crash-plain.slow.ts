import { crashSuite, everyPoint } from '../crash.ts'

crashSuite('none', everyPoint)
