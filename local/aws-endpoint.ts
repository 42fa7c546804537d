/**
 * AWS on this machine: the few operations of Secrets Manager, KMS, SQS, SES, Lambda and STS that Deskhand uses, over HTTP
 * as the SDK's clients send them, so that the laptop, the tests and the cloud run the same code. It does what the policies of
 * the deployed roles do for a tenant's session; signatures are not checked, access keys and session tokens are.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keyArn, kms } from './aws-kms.ts'
import { newSigningKey, signing } from './aws-kms-signing.ts'
import { eventSources, eventSourcesPath } from './aws-lambda.ts'
import { secretsManager } from './aws-secrets-manager.ts'
import { type Caller, type Input, isRefusal, type Operations, refuse } from './aws-service.ts'
import { sendEmail, sesPath } from './aws-ses.ts'
import { sqs } from './aws-sqs.ts'
import { loadState, type StoredMail, type StoredMessage } from './aws-state.ts'
import { adminRole, assumeRole, errorXml, jobsRoleArn, type Session } from './aws-sts.ts'

export interface AwsEndpointOptions {
  /** Keeps secrets, keys and queues in this directory. Default: memory. */
  directory?: string
  /** Default: the machine's. Visibility time-outs, delays and sessions follow it. */
  clock?: { now(): number }
  /** Gets every mail that SES took. */
  onMail?: (mail: StoredMail) => void
}

export interface AwsEndpoint {
  url: string
  /** Any role will do, but for jobs: what a session may do follows from its tenant tag. */
  roleArn: string
  /** The role that administers a tenant: it may store that tenant's secrets, too. */
  adminRoleArn: string
  /** The role of jobs: it may delete a tenant's secrets, and read none. */
  jobsRoleArn: string
  /** Credentials that may do everything here. */
  credentials: { accessKeyId: string; secretAccessKey: string }
  /** Makes a KMS key unless it is there, and answers its ARN. */
  createKey(id: string): string
  /** The same for a key that signs: ECC_NIST_P256. */
  createSigningKey(id: string): string
  /** Makes a standard queue unless it is there, and answers its URL. */
  createQueue(name: string, options?: QueueOptions): string
  /** Stores a secret as JSON, tagged with the tenant that `deskhand/<tenant>/...` names. */
  putSecret(name: string, value: unknown): void
  /** Names and values of all secrets. */
  secrets(): Record<string, string>
  /** What a queue holds, whether visible or not. */
  messages(queueName: string): readonly StoredMessage[]
  /** Is the event source of this queue switched off? */
  isOff(queueName: string): boolean
  /** Every mail that SES took, oldest first. */
  mails(): readonly StoredMail[]
  /** Every operation so far, as `<service>.<operation>`. */
  calls: string[]
  close(): Promise<void>
}
export interface QueueOptions {
  /** Default 30. */
  visibilityTimeoutSeconds?: number
  redrive?: { deadLetterQueue: string; maxReceiveCount: number }
}

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
/** `X-Amz-Target` is `<prefix>.<operation>`. */
const prefixes: Record<string, string> = {
  secretsmanager: 'secretsmanager',
  TrentService: 'kms',
  AmazonSQS: 'sqs',
}

/** Starts the endpoint on a free port of this machine. */
export async function startAwsEndpoint(options: AwsEndpointOptions = {}): Promise<AwsEndpoint> {
  const now = () => options.clock?.now() ?? Date.now()
  const { state, save } = loadState(options.directory)
  const sessions = new Map<string, Session>()
  const calls: string[] = []
  const services: Record<string, Operations> = {
    secretsmanager: secretsManager(state, save),
    kms: { ...kms(state), ...signing(state) },
    sqs: sqs(state, now, save),
  }

  const send = sendEmail(state, now, options.onMail ?? (() => undefined))

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(JSON.stringify({ __type: 'InternalFailure', message: String(error) }))
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (request.method === 'POST' && request.url === sesPath)
      return await answerRest(response, () => {
        calls.push('ses.SendEmail')
        return send(JSON.parse(body) as Input, callerOf(request, sessions, now))
      })
    if (request.url?.startsWith(eventSourcesPath))
      return await answerRest(response, () => {
        const method = request.method ?? ''
        calls.push(`lambda.${method === 'GET' ? 'ListEventSourceMappings' : 'UpdateEventSourceMapping'}`)
        return eventSources(state, {
          method,
          url: request.url ?? '',
          body,
          caller: callerOf(request, sessions, now),
        })
      })
    const target = request.headers['x-amz-target']
    if (typeof target !== 'string') {
      const result = attempt(() => {
        if (callerOf(request, sessions, now).tenant !== undefined) {
          refuse('AccessDenied', 'the tenant role does not allow sts:AssumeRole', 403)
        }
        const form = Object.fromEntries(new URLSearchParams(body))
        calls.push(`sts.${form.Action}`)
        return form.Action === 'AssumeRole'
          ? assumeRole(form, sessions, now)
          : refuse('InvalidAction', `${form.Action} is not served here`)
      })
      const { value, refusal } = await result
      response.writeHead(refusal?.status ?? 200, { 'content-type': 'text/xml' })
      response.end(refusal ? errorXml(refusal.awsCode, refusal.message) : value)
      return
    }
    const [prefix = '', operation = ''] = target.split('.')
    const service = prefixes[prefix] ?? ''
    calls.push(`${service}.${operation}`)
    const { value, refusal } = await attempt(() => {
      const run =
        services[service]?.[operation] ?? refuse('UnknownOperationException', `${target} is not served here`)
      return run(JSON.parse(body) as Input, callerOf(request, sessions, now))
    })
    response.writeHead(refusal?.status ?? 200, {
      'content-type': request.headers['content-type'] ?? 'application/x-amz-json-1.1',
    })
    response.end(JSON.stringify(refusal ? { __type: refusal.awsCode, message: refusal.message } : value))
  }

  /** SES and Lambda speak REST: the operation is the path, an error's name is in a header. */
  async function answerRest(response: ServerResponse, operation: () => unknown): Promise<void> {
    const { value, refusal } = await attempt(operation)
    save()
    response.writeHead(refusal?.status ?? 200, {
      'content-type': 'application/json',
      ...(refusal ? { 'x-amzn-errortype': refusal.awsCode } : {}),
    })
    response.end(JSON.stringify(refusal ? { message: refusal.message } : value))
  }

  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(0, '127.0.0.1', done)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url,
    roleArn: 'arn:aws:iam::000000000000:role/deskhand-tenant',
    adminRoleArn: `arn:aws:iam::000000000000:role/deskhand${adminRole}`,
    jobsRoleArn,
    credentials,
    calls,
    createKey(id) {
      state.keys[id] ??= randomBytes(32).toString('base64')
      save()
      return keyArn(id)
    },
    createSigningKey(id) {
      state.signingKeys[id] ??= newSigningKey()
      save()
      return keyArn(id)
    },
    createQueue(name, { visibilityTimeoutSeconds = 30, redrive } = {}) {
      const queue = { visibilityTimeoutSeconds, ...(redrive ? { redrive } : {}) }
      state.queues[name] = Object.assign(state.queues[name] ?? { messages: [] }, queue)
      save()
      return `${url}/000000000000/${name}`
    },
    putSecret(name, value) {
      const tenant = /^deskhand\/([^/]+)\/(?:inbound|outbound)\//.exec(name)?.[1]
      const tags: Record<string, string> = tenant === undefined ? {} : { tenant }
      state.secrets[name] = { value: JSON.stringify(value), version: randomBytes(16).toString('hex'), tags }
      save()
    },
    secrets: () =>
      Object.fromEntries(Object.entries(state.secrets).map(([name, { value }]) => [name, value])),
    mails: () => state.mails,
    messages: (name) => state.queues[name]?.messages ?? [],
    isOff: (name) => state.queues[name]?.isOff === true,
    close: () =>
      new Promise((done, fail) => {
        server.close((error) => (error ? fail(error) : done()))
        server.closeAllConnections()
      }),
  }
}

/** Runs an operation; a refusal is a value, any other error is thrown. */
async function attempt<T>(operation: () => T) {
  try {
    return { value: await operation(), refusal: undefined }
  } catch (error) {
    if (isRefusal(error)) return { value: undefined, refusal: error }
    throw error
  }
}

/** Who signed: `Authorization: AWS4-HMAC-SHA256 Credential=<access key>/...`. */
function callerOf(request: IncomingMessage, sessions: Map<string, Session>, now: () => number): Caller {
  const accessKey = /Credential=([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? ''
  if (accessKey === credentials.accessKeyId) return {}
  const session = sessions.get(accessKey)
  const token = Buffer.from(String(request.headers['x-amz-security-token'] ?? ''))
  const wanted = Buffer.from(session?.token ?? '')
  if (!session || token.length !== wanted.length || !timingSafeEqual(token, wanted)) {
    return refuse('UnrecognizedClientException', 'The security token included in the request is invalid.')
  }
  if (session.expiresAt <= now()) {
    return refuse('ExpiredTokenException', 'The security token included in the request is expired.')
  }
  const { tenant, administers, erases } = session
  return { tenant, administers, erases }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
