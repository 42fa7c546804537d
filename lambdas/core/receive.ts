/**
 * The receiving half, for every helpdesk: is this webhook genuine, and which tickets does it move? Only that is kept,
 * and only then does the helpdesk get its 2xx.
 */
import middy from '@middy/core'
import type { Context } from 'aws-lambda'
import * as z from 'zod'
import type { ConnectionBase } from '../../schemas/connection.ts'
import { type Doorbell, doorbell } from '../../schemas/doorbell.ts'
import { connectionId, tenantOf } from '../../schemas/names.ts'
import { decodeRequest, type WebhookRequest } from './decode-request.ts'
import { DeskhandError } from './errors.ts'
import type { Inbound, Signature, Webhook } from './helpdesk.ts'
import { activeSecrets, createFindConnection } from './inbound-connection.ts'
import { parseJson } from './parse-json.ts'
import type { LogFields, ReceiveRuntime } from './ports.ts'
import { ring, ringAtMost } from './ring.ts'
import { verify } from './signature.ts'

/** A burst of messages becomes one turn. */
const wakeUpDelaySeconds = 2
/** Tickets of one webhook that are rung at the same time: a batch of 100 has to be done within a few seconds. */
const ringTogether = 10
/** When the function's time is nearly up, the helpdesk is told to send again instead of hearing nothing. */
const answerBeforeTimeoutMs = 500

export interface WebhookResponse {
  statusCode: number
  headers: Record<string, string>
  body: string
}
export type Receive = (event: unknown, context?: Context) => Promise<WebhookResponse>

/** What became of a webhook: its status, and its one line in the log. */
interface Outcome {
  status: number
  event:
    | 'webhook_accepted'
    | 'webhook_duplicate'
    | 'webhook_ignored'
    | 'webhook_refused'
    | 'webhook_wrong_account'
    | 'webhook_unreadable'
    | 'webhook_deferred'
    | 'webhook_probed'
  level: 'info' | 'warn' | 'alarm'
  fields: LogFields
}

/** The handler of one helpdesk's webhooks, for events of API Gateway (payload version 1 or 2). Never throws. */
export function createReceive<C extends ConnectionBase>(
  inbound: Inbound<C>,
  runtime: ReceiveRuntime,
): Receive {
  const { clock, conversations, queue } = runtime
  const log = runtime.log.with({ helpdesk: inbound.name })
  const findConnection = createFindConnection(inbound, runtime.configuration)

  async function receive(event: unknown): Promise<Outcome> {
    const now = clock.now()
    const decoded = decodeRequest(event)
    if (!decoded.ok) return refused(decoded.status, decoded.cause)
    const { request } = decoded
    // How some helpdesks ask whether the URL is there. It says nothing and does nothing, whoever asks.
    if (request.method === 'HEAD') return done('webhook_probed', {})

    const connection = await findConnection(request.connectionId, now)
    if (connection === undefined) return refuseUnknown(request, now)
    try {
      return await take(request, connection, now)
    } catch (error) {
      return deferred(namesOf(connection), error)
    }
  }

  /** Verified although there is nothing to verify with, so that time does not tell which ids exist. */
  function refuseUnknown(request: WebhookRequest, now: number): Outcome {
    verify(accepted(undefined), { ...request, url: urlOf(request) }, [], now)
    return refused(401, 'unknown_connection', askedFor(request.connectionId))
  }

  /** A webhook for a connection that there is. Throws where nothing may be kept yet. */
  async function take(request: WebhookRequest, connection: C, now: number): Promise<Outcome> {
    const { values, missing } = connection.enabled
      ? await activeSecrets(connection, runtime.inboundSecrets, now)
      : { values: [] }
    // Verified even when there is nothing to verify with, as for a connection that is unknown.
    const verdict = verify(accepted(connection), { ...request, url: urlOf(request) }, values, now)
    const names = namesOf(connection)
    if (!connection.enabled) return refused(401, 'connection_disabled', names)
    if (!verdict.ok && missing !== undefined) {
      throw new DeskhandError(
        'bad_configuration',
        `the webhook secret ${missing} is missing or not tagged with its tenant: store it again`,
      )
    }
    if (!verdict.ok) return refused(401, verdict.cause, names)

    const body = parseJson(request.rawBody)
    if (!body.ok) return setAside('webhook_unreadable', { ...names, cause: body.cause })
    const webhook = checked(inbound.webhook(body.value, connection))
    if (!('doorbells' in webhook)) return setAside(`webhook_${webhook.refused}`, names)
    if (webhook.refused !== undefined) log.alarm(`webhook_${webhook.refused}`, names)
    if (webhook.doorbells.length === 0) return done('webhook_ignored', names)

    let rung = 0
    const groups = byTicket(webhook.doorbells)
    for (let next = 0; next < groups.length; next += ringTogether) {
      const rings = groups.slice(next, next + ringTogether).map((each) => ringOne(connection, each, now))
      // Every one is waited for, also when another fails: nothing goes on after the answer.
      for (const ended of await Promise.allSettled(rings)) {
        if (ended.status === 'rejected') throw ended.reason
        rung += ended.value
      }
    }
    return rung > 0 ? done('webhook_accepted', { ...names, count: rung }) : done('webhook_duplicate', names)
  }

  /** Answers how many doorbells were new. */
  async function ringOne(
    connection: C,
    doorbells: readonly [Doorbell, ...Doorbell[]],
    now: number,
  ): Promise<number> {
    const ticket = await ring(conversations, connection, doorbells, now)
    if (ticket.due) await wakeUp(connection.id, doorbells[0].ticketId)
    return ticket.rung ? doorbells.length : 0
  }

  /** The schemes that this connection accepts; for one that is not known those that every connection does. */
  const accepted = (connection: C | undefined): readonly [Signature, ...Signature[]] => {
    const [first, ...more] = inbound.signatures
    return [
      first,
      ...more.filter(({ optedIn }) => optedIn === undefined || (connection && optedIn(connection))),
    ]
  }

  /** What the helpdesk called: our public address, not one that a header names. */
  const urlOf = ({ connectionId, query }: WebhookRequest): string =>
    `${runtime.publicUrl}/webhooks/${inbound.name}/${connectionId}${query === '' ? '' : `?${query}`}`

  /** The ticket row already says that the ticket is due: without a wake-up the sweeper finds it. */
  async function wakeUp(connectionId: string, ticketId: string): Promise<void> {
    try {
      await queue.send({ connectionId, ticketId }, wakeUpDelaySeconds)
    } catch (error) {
      log.warn('wake_up_failed', {
        connectionId,
        tenant: tenantOf(connectionId),
        ticketId,
        ...fieldsOf(error),
      })
    }
  }

  /** Nothing may be kept yet, so the helpdesk must send again. */
  const deferred = (names: LogFields, error: unknown): Outcome => ({
    status: inbound.retryStatus,
    event: 'webhook_deferred',
    level: 'alarm',
    fields: { ...names, ...fieldsOf(error) },
  })

  function answer(outcome: Outcome, startedAt: number): WebhookResponse {
    const { level, event, status, fields } = outcome
    log[level](event, { ...fields, status, ms: clock.now() - startedAt })
    return { statusCode: status, headers: { 'content-type': 'text/plain' }, body: bodies[status] ?? '' }
  }

  const handler = middy<unknown, Outcome | WebhookResponse, Error, Context, { startedAt: number }>(receive, {
    timeoutEarlyInMillis: answerBeforeTimeoutMs,
  }).use({
    before: (request) => {
      request.internal.startedAt = clock.now()
    },
    after: (request) => {
      request.response = answer(request.response as Outcome, request.internal.startedAt)
    },
    onError: (request) => {
      request.response = answer(deferred(askedIn(request.event), request.error), request.internal.startedAt)
    },
  })
  return handler as Receive
}

const bodies: Record<number, string> = {
  200: 'ok',
  400: 'bad request',
  401: 'unauthorized',
  405: 'only POST and HEAD',
  409: 'send again',
  413: 'too large',
  415: 'unsupported content encoding',
  503: 'send again',
}

const done = (event: Outcome['event'], fields: LogFields): Outcome => ({
  status: 200,
  event,
  level: 'info',
  fields,
})
/** Genuine, and of no use to us; sent again it would be no better. */
const setAside = (event: Outcome['event'], fields: LogFields): Outcome => ({
  status: 200,
  event,
  level: 'alarm',
  fields,
})
const refused = (status: number, cause: string, fields: LogFields = {}): Outcome => ({
  status,
  event: 'webhook_refused',
  level: 'warn',
  fields: { ...fields, cause },
})

const doorbellList = z.array(doorbell)

/** Ids go into keys and log lines, so they are checked whatever the adapter took from the body. */
function checked(webhook: Webhook): Webhook {
  if (!('doorbells' in webhook)) return webhook
  const doorbells = doorbellList.safeParse(webhook.doorbells)
  return doorbells.success ? { ...webhook, doorbells: doorbells.data } : { refused: 'unreadable' }
}

/** In the order they came, one group per ticket and per `ringAtMost`. */
function byTicket(doorbells: readonly Doorbell[]): [Doorbell, ...Doorbell[]][] {
  const groups: [Doorbell, ...Doorbell[]][] = []
  const open = new Map<string, Doorbell[]>()
  for (const one of doorbells) {
    const group = open.get(one.ticketId)
    if (group !== undefined && group.length < ringAtMost) {
      group.push(one)
      continue
    }
    const started: [Doorbell, ...Doorbell[]] = [one]
    groups.push(started)
    open.set(one.ticketId, started)
  }
  return groups
}

/** Of a connection that there is. Metrics are counted by `tenant`: no line has it for an id that anybody may make up. */
const namesOf = ({ id }: ConnectionBase): LogFields => ({ connectionId: id, tenant: tenantOf(id) })

/** What a log line may say of a path id: nothing, unless it looks like one of ours. */
const askedFor = (id: string): LogFields => (connectionId.safeParse(id).success ? { connectionId: id } : {})

function askedIn(event: unknown): LogFields {
  const decoded = decodeRequest(event)
  return decoded.ok ? askedFor(decoded.request.connectionId) : {}
}

const fieldsOf = (error: unknown): LogFields =>
  error instanceof DeskhandError
    ? { cause: error.code, errorName: error.name, errorMessage: error.message }
    : { errorName: error instanceof Error ? error.name : 'unknown' }
