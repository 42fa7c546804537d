import type { Clock, Log, LogFields } from './ports.ts'

/** Every field that a line can have, and what it may hold. What is not here is dropped, whatever the caller passes. */
const shapes: Record<keyof LogFields, 'number' | 'word' | 'sentence'> = {
  tenant: 'word',
  connectionId: 'word',
  helpdesk: 'word',
  ticketId: 'word',
  messageId: 'word',
  deliveryId: 'word',
  effectId: 'word',
  requestId: 'word',
  tool: 'word',
  task: 'word',
  code: 'word',
  cause: 'word',
  assurance: 'word',
  step: 'number',
  attempt: 'number',
  fence: 'number',
  status: 'number',
  count: 'number',
  bytes: 'number',
  ms: 'number',
  inputTokens: 'number',
  outputTokens: 'number',
  cacheReadTokens: 'number',
  cacheWriteTokens: 'number',
  cost: 'number',
  release: 'number',
  model: 'word',
  stopReason: 'word',
  errorName: 'word',
  errorMessage: 'sentence',
  traceId: 'word',
  wokenBy: 'word',
}

/** Ids, codes and names: no spaces, so no text. */
const word = /^[A-Za-z0-9._:;/#+=-]{0,200}$/
/** Printable ASCII. */
const sentence = /^[\x20-\x7e]{0,300}$/
/** Addresses, also in a URL, and what credentials look like. */
const private_ =
  /@|%40|\b(?:bearer|basic) +\S|\bsk-|\bwhsec_|\beyJ[\w-]{10}|\b(?:AKIA|ASIA)[A-Z0-9]{12}|PRIVATE KEY/i

/**
 * Writes one JSON line per event: `time`, `level` (info, warn or error), `event`, for alarms `alarm: true`, and the
 * allowed fields that hold what they may; a text that does not is written as `[withheld]`. `traceId` is asked for each
 * line: a process outlives its invocations.
 */
export function createLog(options: {
  write: (line: string) => void
  clock: Clock
  traceId?: () => string | undefined
}): Log {
  const { write, clock, traceId = () => undefined } = options
  const build = (always: LogFields): Log => {
    const line = (
      level: 'info' | 'warn' | 'error',
      event: string,
      alarm: object,
      fields?: LogFields,
    ): void => {
      write(
        JSON.stringify({
          time: new Date(clock.now()).toISOString(),
          level,
          event: safe(event, 'word'),
          ...alarm,
          ...allowed({ ...traced(traceId()), ...always, ...fields }),
        }),
      )
    }
    return {
      info: (event, fields) => line('info', event, {}, fields),
      warn: (event, fields) => line('warn', event, {}, fields),
      alarm: (event, fields) => line('error', event, { alarm: true }, fields),
      with: (fields) => build({ ...always, ...fields }),
    }
  }
  return build({})
}

const traced = (traceId: string | undefined): LogFields => (traceId === undefined ? {} : { traceId })

function allowed(fields: LogFields): Record<string, string | number> {
  const kept: Record<string, string | number> = {}
  for (const [name, shape] of Object.entries(shapes) as [
    keyof LogFields,
    (typeof shapes)[keyof LogFields],
  ][]) {
    const value: unknown = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (value === undefined) continue
    if (shape !== 'number') kept[name] = safe(value, shape)
    else if (typeof value === 'number' && Number.isFinite(value)) kept[name] = value
  }
  return kept
}

function safe(value: unknown, shape: 'word' | 'sentence'): string {
  const pattern = shape === 'word' ? word : sentence
  return typeof value === 'string' && pattern.test(value) && !private_.test(value) ? value : '[withheld]'
}
