import middy from '@middy/core'
import { cloudSweeperRuntime } from '../core/aws/sweeper-runtime.ts'
import { sweep } from '../core/sweep.ts'

const runtime = cloudSweeperRuntime()

/** Runs every minute. */
export const handler = middy().handler(async () => ({ rung: await sweep(runtime) }))
