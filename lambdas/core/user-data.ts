/** The tenant's User Data API: who is this customer, in the company's own words. Data, never instructions. */
import * as z from 'zod'
import type { Authorization, UserDataApi } from '../../schemas/tenant-apis.ts'
import type { VerifiedEmail } from './identify.ts'
import { type Sender, sendAuthorized } from './tools/send-authorized.ts'
import { parseAnswer, selectFrom } from './tools/tool-answer.ts'
import { type Truncated, truncate } from './truncate.ts'

/** The contract: 10 s for everything. */
const totalMs = 10_000

export type UserData =
  | ({ kind: 'data' } & Truncated)
  /** The company has no record for this address. */
  | { kind: 'none' }
  /** It answered about somebody else. The data was dropped; raise an alarm. */
  | { kind: 'mismatch' }
  /** `cause` is from a closed set in code: `timeout`, `status_500`, `bad_answer`, `secret_host`, ... */
  | { kind: 'unavailable'; cause: string }

export interface UserDataCall extends Omit<Sender, 'authorization'> {
  api: UserDataApi
  authorizations: ReadonlyMap<string, Authorization>
  email: VerifiedEmail
  signal: AbortSignal
  /** For everything, a repeat after 401 included. Tests shorten it. */
  timeoutMs?: number
}

/**
 * POST `{"identifier": email}` answers `{"user_info": string, "identifier": same email}`. Asked for one verified
 * address and believed only when it echoes exactly that one. Never throws for what the other side does.
 */
export async function fetchUserData(call: UserDataCall): Promise<UserData> {
  const { api, authorizations, email, timeoutMs = totalMs } = call
  const authorization = api.authorization === undefined ? undefined : authorizations.get(api.authorization)
  if (api.authorization !== undefined && authorization === undefined)
    return { kind: 'unavailable', cause: 'authorization_missing' }
  const sent = await sendAuthorized(
    {
      port: 'user_data',
      method: 'POST',
      url: api.url,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify({ identifier: email }),
      timeoutMs,
      signal: AbortSignal.any([call.signal, AbortSignal.timeout(timeoutMs)]),
      repeatable: true,
    },
    { ...call, authorization },
  )
  if (!sent.ok) return { kind: 'unavailable', cause: sent.cause }
  const { answer } = sent
  if (!answer.ok) return { kind: 'unavailable', cause: answer.cause }
  if (answer.status === 404) return { kind: 'none' }
  if (answer.status !== 200) return { kind: 'unavailable', cause: `status_${answer.status}` }
  const body = parseAnswer(answer)
  return body.ok ? believe(body.value, email, api.maxBytes) : { kind: 'unavailable', cause: 'bad_answer' }
}

/**
 * The strings and numbers that `path` (JMESPath) finds in user data, as text: the ids of a customer's own records. None
 * where the data is not JSON, or was cut.
 */
export const valuesAt = (text: string | undefined, path: string): Set<string> => idsAt(jsonIn(text), path)

/** The strings and numbers that `path` finds in `json`, as text. */
export function idsAt(json: unknown, path: string): Set<string> {
  const found = selectFrom(path, json)
  const values = found.ok ? [found.value].flat(2) : []
  return new Set(values.filter((v) => typeof v === 'string' || typeof v === 'number').map(String))
}

function jsonIn(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null')
  } catch {
    return null
  }
}

/** The contract says a string; an object is taken as its JSON. */
const answerSchema = z.object({
  identifier: z.string(),
  user_info: z.union([z.string(), z.record(z.string(), z.unknown())]),
})

function believe(value: unknown, email: VerifiedEmail, maxBytes: number): UserData {
  const parsed = answerSchema.safeParse(value)
  if (!parsed.success) return { kind: 'unavailable', cause: 'bad_answer' }
  const { identifier, user_info } = parsed.data
  if (identifier !== email) return { kind: 'mismatch' }
  return {
    kind: 'data',
    ...truncate(typeof user_info === 'string' ? user_info : JSON.stringify(user_info), maxBytes),
  }
}
