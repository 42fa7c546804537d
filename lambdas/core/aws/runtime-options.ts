import { randomBytes } from 'node:crypto'
import { DeskhandError } from '../errors.ts'
import { createLog } from '../log.ts'
import type { Clock, Io, Log, Random } from '../ports.ts'
import { invocationTrace, traceIdOf } from '../trace-header.ts'

/** Where AWS is. In Lambda all of it comes from the function itself; elsewhere it is given. */
export interface AwsOptions {
  region?: string
  endpoint?: string
  /** DynamoDB's own, where it differs. */
  dynamoEndpoint?: string
  credentials?: { accessKeyId: string; secretAccessKey: string }
}

/** What every runtime can be given; what is left out is the real thing. */
export interface RuntimeOptions {
  aws?: AwsOptions
  io?: Io
  clock?: Clock
  random?: Random
  log?: Log
}

/** The real clock, random bytes and log (standard output), and `io` that passes straight through. */
export function withDefaults(options: RuntimeOptions) {
  const clock = options.clock ?? { now: () => Date.now() }
  return {
    aws: options.aws ?? {},
    clock,
    io: options.io ?? (((_port, call) => call()) satisfies Io),
    random: options.random ?? randomBytes,
    log:
      options.log ??
      createLog({
        write: (line) => process.stdout.write(`${line}\n`),
        clock,
        traceId: () => traceIdOf(invocationTrace()),
      }),
  }
}

/**
 * The configuration of an SDK client: three attempts, and deadlines that fit the shortest function. Its own keep-alive
 * connections.
 */
export function clientConfig(aws: AwsOptions, service?: 'dynamodb') {
  const endpoint = service === 'dynamodb' ? (aws.dynamoEndpoint ?? aws.endpoint) : aws.endpoint
  return {
    maxAttempts: 3,
    retryMode: 'standard',
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
    ...(aws.region === undefined ? {} : { region: aws.region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(aws.credentials === undefined ? {} : { credentials: aws.credentials }),
  }
}

/** A variable that the stack sets. Throws `bad_configuration`, naming it. */
export function required(name: string): string {
  const value = process.env[name]
  if (value) return value
  throw new DeskhandError(
    'bad_configuration',
    `the environment variable ${name} is not set: deploy the stack again`,
  )
}
