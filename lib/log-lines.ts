/**
 * The log lines that are counted, and what they are counted by. Every name that the stacks take from the log is here;
 * why the log is where metrics come from: docs/adr/0021-operating.md.
 */
import { FilterPattern, type JsonPattern } from 'aws-cdk-lib/aws-logs'

const { all, any, exists, notExists, stringValue, booleanValue } = FilterPattern
const event = (...names: string[]): JsonPattern => {
  const each = names.map((name) => stringValue('$.event', '=', name))
  return each.length === 1 && each[0] ? each[0] : any(...each)
}
const known = exists('$.tenant')

/** Counted for a function as a whole, in the namespace `Deskhand/<path>`: what alarms watch. */
export const logLines = {
  /** An operator must look at it, whatever its event. */
  alarm: booleanValue('$.alarm', true),
  webhookRefused: event('webhook_refused'),
  turn: event('turn_ended'),
  turnFailed: event('turn_failed', 'connection_broken', 'bad_configuration'),
}

/** One metric of the namespace `Deskhand`. */
export interface Measure {
  pattern: JsonPattern
  /** A number, or the field that holds it. Default: 1 for each line. */
  value?: string
  /** Names of dimensions and the fields they are read from. A line without one of the fields is not counted. */
  by: Record<string, string>
}

const tenant = { Helpdesk: '$.helpdesk', Tenant: '$.tenant' }
const connection = { Helpdesk: '$.helpdesk', Connection: '$.connectionId' }
const withCause = { ...tenant, Cause: '$.cause' }

/** What one success takes off a run of failures: so many are never counted within a period. */
const success = '-1000000'

/**
 * By helpdesk and tenant. Dimensions are read only from lines whose connection was found: a stranger may name any
 * tenant, and every new name is a metric to be paid for.
 */
export const receiveMeasures: Record<string, Measure | Measure[]> = {
  /** Doorbells that were new. */
  Events: { pattern: event('webhook_accepted'), value: '$.count', by: tenant },
  Refusals: { pattern: all(event('webhook_refused'), known, exists('$.cause')), by: withCause },
  RefusedStrangers: {
    pattern: all(event('webhook_refused'), notExists('$.tenant'), exists('$.cause')),
    by: { Helpdesk: '$.helpdesk', Cause: '$.cause' },
  },
  /** At or above 1: so many webhooks of the connection failed in the period, and none succeeded. */
  FailuresInARow: [
    {
      pattern: all(event('webhook_refused'), known, stringValue('$.cause', '!=', 'connection_disabled')),
      by: connection,
    },
    { pattern: all(event('webhook_deferred'), known), by: connection },
    {
      pattern: event('webhook_accepted', 'webhook_duplicate', 'webhook_ignored'),
      value: success,
      by: connection,
    },
  ],
}

const ms = (...names: string[]): Measure => ({
  pattern: all(event(...names), known, exists('$.ms')),
  value: '$.ms',
  by: tenant,
})
const ofModel = (field: string): Measure => ({
  pattern: all(event('model_answered'), known, exists(field)),
  value: field,
  by: tenant,
})

export const answerMeasures: Record<string, Measure | Measure[]> = {
  Turns: { pattern: all(event('turn_ended'), known), by: tenant },
  TurnsFailed: { pattern: all(logLines.turnFailed, known), by: tenant },
  /** By `Code`: `replied`, `noted`, or `neutral`, which echoes nothing. */
  Replies: { pattern: all(event('reply_posted'), known), by: { ...tenant, Code: '$.code' } },
  /** Write tools, on consent or not, by `Code`: `done`, `failed` or `unknown`. */
  Writes: { pattern: all(event('write_ended'), known), by: { ...tenant, Code: '$.code' } },
  HandOvers: { pattern: all(event('handed_over'), known), by: withCause },
  /** Tool calls that a rule refused. */
  ToolRefusals: {
    pattern: all(event('tool_called'), known, stringValue('$.code', '=', 'refused'), exists('$.cause')),
    by: withCause,
  },
  InputTokens: ofModel('$.inputTokens'),
  OutputTokens: ofModel('$.outputTokens'),
  CacheReadTokens: ofModel('$.cacheReadTokens'),
  CacheWriteTokens: ofModel('$.cacheWriteTokens'),
  /** US dollars. */
  ModelCost: ofModel('$.cost'),
  TurnMs: ms('turn_ended'),
  ReadMs: ms('ticket_read'),
  IdentifyMs: ms('customer_identified'),
  UserDataMs: ms('user_data', 'user_data_mismatch', 'user_data_misconfigured'),
  ModelMs: ms('model_answered'),
  ToolMs: ms('tool_called'),
  PostMs: ms('reply_posted'),
  /** At or above 1: the helpdesk refused our credentials so many times in the period, and never took them. */
  CredentialsRefused: [
    { pattern: all(event('connection_broken'), known), by: connection },
    {
      pattern: all(event('reconcile_failed'), known, stringValue('$.cause', '=', 'connection_broken')),
      by: connection,
    },
    { pattern: all(event('ticket_read', 'reconciled'), known), value: success, by: connection },
  ],
}

/** The namespace of every measure. */
export const measuresNamespace = 'Deskhand'
