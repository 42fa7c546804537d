import middy from '@middy/core'
import { sweep } from '../core/sweep.ts'
import { cloudSweeperRuntime } from '../core/sweeper-runtime.ts'

const runtime = cloudSweeperRuntime()

/** Runs every minute. */
export const handler = middy().handler(async () => ({ rung: await sweep(runtime) }))
