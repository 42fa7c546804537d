/** One call to Zendesk's REST API: authenticated, bounded, and its failures named. */
import type * as z from 'zod'
import type { ZendeskConnection } from '../../schemas/zendesk.ts'
import { DeskhandError } from '../core/errors.ts'
import type { HelpdeskApi } from '../core/helpdesk.ts'
import { helpdeskBase } from '../core/helpdesk-base.ts'
import { authorization } from './authenticate.ts'
import { refusal, timeoutMs } from './failures.ts'
import { parseLossless } from './lossless-json.ts'

export type Api = HelpdeskApi<ZendeskConnection>

/** The account's own address, or the stand-in's that a laptop or test allows. Throws `bad_configuration`. */
export const baseOf = (api: Api): string =>
  helpdeskBase(`https://${api.connection.subdomain}.zendesk.com`, api.connection.baseUrl, api.allowance)

/** Comments of long tickets: two hundred mails with their HTML. */
const maxBytes = 8 * 1024 * 1024

/** Reads `path`, which begins with `/api/v2/`. Throws as `failures.ts` says, and `bad_answer`. */
export async function get<T extends z.ZodType>(api: Api, path: string, schema: T): Promise<z.infer<T>> {
  const text = await send(api, 'GET', path)
  const answer = read(text, schema)
  if (answer === undefined) throw new DeskhandError('bad_answer', 'Zendesk answered in another shape')
  return answer
}

/** Writes. A 2xx that cannot be read throws `outcome_unknown`: something was done, but not known what. */
export async function put<T extends z.ZodType>(
  api: Api,
  path: string,
  body: unknown,
  schema: T,
): Promise<z.infer<T>> {
  const text = await send(api, 'PUT', path, JSON.stringify(body))
  const answer = read(text, schema)
  if (answer === undefined)
    throw new DeskhandError('outcome_unknown', 'Zendesk took the update and answered in another shape')
  return answer
}

async function send(api: Api, method: 'GET' | 'PUT', path: string, body?: string): Promise<string> {
  const base = baseOf(api)
  const kind = method === 'GET' ? 'read' : 'write'
  const attempt = async (fresh: boolean) =>
    api.http({
      port: 'helpdesk',
      method,
      url: base + path,
      headers: {
        authorization: await authorization(api, base, fresh),
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
      timeoutMs,
      maxBytes,
      repeatable: kind === 'read',
      ...(api.signal ? { signal: api.signal } : {}),
    })
  let answer = await attempt(false)
  // A token may end early or be revoked: one fetched anew decides. Nothing was done at a 401, so this is safe.
  if (answer.ok && answer.status === 401) answer = await attempt(true)
  if (answer.ok && answer.status >= 200 && answer.status < 300) return answer.text
  throw refusal(answer, kind, api.now())
}

function read<T extends z.ZodType>(text: string, schema: T): z.infer<T> | undefined {
  try {
    return schema.parse(parseLossless(text))
  } catch {
    return undefined
  }
}
