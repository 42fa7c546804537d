/** Calls to a helpdesk's REST API: authenticated, bounded, and their failures named. The same for every vendor. */
import type * as z from 'zod'
import type { ConnectionBase } from '../../../schemas/connection.ts'
import { DeskhandError } from '../errors.ts'
import type { HelpdeskApi, Reach } from '../helpdesk.ts'
import type { HttpRequest } from '../ports.ts'
import { helpdeskBase } from './base.ts'
import { type Refusals, refusalOf, timeoutMs } from './failures.ts'
import { parseLossless } from './lossless-json.ts'

/** What differs from vendor to vendor. */
export interface Vendor<C extends ConnectionBase> extends Refusals {
  /** The account's own origin at the vendor. */
  origin(connection: C): string
  /** Sent with every call besides `accept` and `content-type`. */
  headers?: Readonly<Record<string, string>>
  /** The `authorization` header. `fresh` passes caches by, after a 401. Throws DeskhandError. */
  authorization(api: HelpdeskApi<C>, base: string, fresh: boolean): Promise<string>
}

type Method = HttpRequest['method']

export interface Client<C extends ConnectionBase> {
  /** The account's own origin, or the stand-in's that a laptop or test allows. Throws `bad_configuration`. */
  base(api: Reach<C>): string
  /** Reads. Throws as `failures.ts` says, and `bad_answer`. */
  get<T extends z.ZodType>(api: HelpdeskApi<C>, path: string, schema: T): Promise<z.infer<T>>
  /** A search: a POST that changes nothing. Throws as `get`. */
  search<T extends z.ZodType>(
    api: HelpdeskApi<C>,
    path: string,
    body: unknown,
    schema: T,
  ): Promise<z.infer<T>>
  /** Writes. A 2xx that cannot be read throws `outcome_unknown`: something was done, but not known what. */
  write<T extends z.ZodType>(
    api: HelpdeskApi<C>,
    method: Exclude<Method, 'GET'>,
    path: string,
    body: unknown,
    schema: T,
  ): Promise<z.infer<T>>
}

/** Answers of long tickets: two hundred mails with their HTML. */
const maxBytes = 8 * 1024 * 1024

export function createClient<C extends ConnectionBase & { baseUrl?: string | undefined }>(
  vendor: Vendor<C>,
): Client<C> {
  const base = (api: Reach<C>): string =>
    helpdeskBase(vendor.origin(api.connection), api.connection.baseUrl, api.allowance)

  async function send(
    api: HelpdeskApi<C>,
    kind: 'read' | 'write',
    method: Method,
    path: string,
    body: unknown,
  ): Promise<string> {
    const origin = base(api)
    const text = body === undefined ? undefined : JSON.stringify(body)
    const attempt = async (fresh: boolean) =>
      api.http({
        port: 'helpdesk',
        method,
        url: origin + path,
        headers: {
          ...vendor.headers,
          authorization: await vendor.authorization(api, origin, fresh),
          accept: 'application/json',
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(text === undefined ? {} : { body: text }),
        timeoutMs,
        maxBytes,
        repeatable: kind === 'read',
        ...(api.signal ? { signal: api.signal } : {}),
      })
    let answer = await attempt(false)
    // A credential may be revoked or renewed: one fetched anew decides. Nothing was done at a 401, so this is safe.
    if (answer.ok && answer.status === 401) answer = await attempt(true)
    if (answer.ok && answer.status >= 200 && answer.status < 300) return answer.text
    throw refusalOf(vendor, answer, kind, api.now())
  }

  async function read<T extends z.ZodType>(text: string, schema: T): Promise<z.infer<T>> {
    const answer = parsed(text, schema)
    if (answer === undefined)
      throw new DeskhandError('bad_answer', `${vendor.title} answered in another shape`)
    return answer.value
  }

  return {
    base,
    get: async (api, path, schema) => read(await send(api, 'read', 'GET', path, undefined), schema),
    search: async (api, path, body, schema) => read(await send(api, 'read', 'POST', path, body), schema),
    write: async (api, method, path, body, schema) => {
      const answer = parsed(await send(api, 'write', method, path, body), schema)
      if (answer !== undefined) return answer.value
      throw new DeskhandError(
        'outcome_unknown',
        `${vendor.title} took the update and answered in another shape`,
      )
    },
  }
}

/** An answer without a body (204) is `undefined` to the schema. */
function parsed<T extends z.ZodType>(text: string, schema: T): { value: z.infer<T> } | undefined {
  try {
    const result = schema.safeParse(text.trim() === '' ? undefined : parseLossless(text))
    return result.success ? { value: result.data } : undefined
  } catch {
    return undefined
  }
}
