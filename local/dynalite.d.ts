/** dynalite ships no types: the part of it that we use. */
declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** An HTTP server that speaks DynamoDB. `path` keeps the tables in a LevelDB directory; without it, in memory. */
  function dynalite(options?: {
    path?: string
    createTableMs?: number
    deleteTableMs?: number
    updateTableMs?: number
  }): Server
  export = dynalite
}
