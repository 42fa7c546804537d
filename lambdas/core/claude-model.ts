import Anthropic from '@anthropic-ai/sdk'
import { DeskhandError } from './errors.ts'
import type { Io, Model } from './ports.ts'

/** Beyond this wait the turn ends and its ticket comes back later, rather than holding a lease asleep. */
const longestWaitMs = 2_000

/**
 * Claude by the Messages API, https://platform.claude.com/docs/en/api/messages. `baseURL` is for local and test code:
 * no environment variable sets it, nor the key, and none makes the SDK log what is sent.
 */
export function createModel(options: { apiKey: () => Promise<string>; baseURL?: string; io: Io }): Model {
  const client = new Anthropic({
    apiKey: options.apiKey,
    baseURL: options.baseURL ?? 'https://api.anthropic.com',
    maxRetries: 1,
    openTelemetry: false,
    logLevel: 'off',
    fetch: withoutLongWaits,
  })
  return modelOf(async () => client, options.io, anthropicAccount)
}

/** What all of Anthropic's clients have in common. */
export interface MessagesClient {
  messages: {
    create(
      params: Anthropic.MessageCreateParamsNonStreaming,
      options: { signal: AbortSignal; timeout: number },
    ): Promise<Anthropic.Message>
  }
}

/** What an operator has to do where the account, and not the request, is why Claude refuses. */
export interface Account {
  spend: string
  key: string
  rights: string
  model: string
}

/** Claude by one of Anthropic's clients. */
export function modelOf(client: () => Promise<MessagesClient>, io: Io, account: Account): Model {
  return {
    async create(params, { signal, timeoutMs }) {
      try {
        const { messages } = await client()
        return await io('model.create', async () => {
          // Its own time-out covers only the wait for the answer's first byte: the signal ends everything.
          return await messages.create(params, { signal, timeout: timeoutMs })
        })
      } catch (error) {
        throw modelError(error, account)
      }
    },
  }
}

/** The SDK sleeps for as long as `retry-after` says: a long one is told to be final. */
export const withoutLongWaits: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (response.ok || (retryAfterMs(response.headers) ?? 0) <= longestWaitMs) return response
  const headers = new Headers(response.headers)
  headers.set('x-should-retry', 'false')
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

/** Without the API's own text, which may quote the request: type, code and request id find it in the Console. */
function modelError(error: unknown, account: Account): DeskhandError {
  if (error instanceof DeskhandError) return error
  if (error instanceof Anthropic.AnthropicError && error.cause instanceof DeskhandError) return error.cause
  if (error instanceof Anthropic.APIUserAbortError) {
    return new DeskhandError('unavailable', 'Claude was not awaited any longer: the turn ran out of time')
  }
  if (!(error instanceof Anthropic.APIError) || error.status === undefined) {
    return new DeskhandError('unavailable', 'Claude did not answer: no connection, or none in time', {
      cause: error,
    })
  }
  const { status, type, errorCode, requestID } = error
  const what = [`HTTP ${status}`, type, errorCode, requestID].filter(Boolean).join(', ')
  const more = { cause: error }
  const nextStep = whatToMend(status, errorCode, account)
  if (nextStep !== undefined) {
    return new DeskhandError('bad_configuration', `Claude refused (${what}). ${nextStep}`, more)
  }
  if (status === 429 || status === 529) {
    const wait = retryAfterMs(error.headers)
    return new DeskhandError('rate_limited', `Claude is busy (${what})`, {
      ...more,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    })
  }
  if (status === 408 || status === 409 || status >= 500) {
    return new DeskhandError('unavailable', `Claude is failing (${what})`, more)
  }
  return new DeskhandError('refused', `Claude refused the request (${what})`, more)
}

const anthropicAccount: Account = {
  spend: 'Raise the spend limit or add credit in the Claude Console, https://platform.claude.com.',
  key: 'Store a valid Anthropic API key in its secret.',
  rights: 'Let the Anthropic organization, workspace and key use this model.',
  model: "Choose a model in the tenant's agent settings that the Anthropic account has.",
}

/** What an operator has to do before any call can succeed; `undefined` when it is not the account or the key. */
function whatToMend(status: number, errorCode: string | null, account: Account): string | undefined {
  if (status === 402 || errorCode?.endsWith('spend_limit_reached')) return account.spend
  if (status === 401) return account.key
  if (status === 403 || errorCode === 'organization_on_hold') return account.rights
  if (status === 404) return account.model
  return undefined
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date. */
function retryAfterMs(headers: Headers | undefined): number | undefined {
  const ms = Number.parseFloat(headers?.get('retry-after-ms') ?? '')
  if (ms >= 0) return ms
  const text = headers?.get('retry-after') ?? ''
  const seconds = Number.parseFloat(text)
  const wait = seconds >= 0 ? seconds * 1000 : Date.parse(text) - Date.now()
  return wait >= 0 ? wait : undefined
}
