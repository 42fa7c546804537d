/** Asks a User Data API about one address, for an admin to see what it answers and how well. Nothing is stored. */
import * as z from 'zod'
import type { Authorization, UserDataApi } from '../../../schemas/tenant-apis.ts'
import { userDataTool } from '../../core/ask-user-data.ts'
import { parseJson } from '../../core/parse-json.ts'
import { madeUpIdentity } from '../../core/simulate/made-up-ticket.ts'
import { fetchUserData, type UserData } from '../../core/user-data.ts'
import { type TryRuntime, tryEffect, trySender } from './asker.ts'
import { observedHttp } from './observed.ts'

const allowedMs = 10_000
/** Slower than this, a bad day is too slow. */
const slowMs = 5_000

export interface TriedUserData {
  /** The turn would have data, or know that there is none. */
  ok: boolean
  /** `data`, `none` (404: no such customer), `mismatch`, or why it was not available: `timeout`, `status_500`, ... */
  code: string
  status?: number
  /** Of the whole call: token, look-ups, a repeat after 401. */
  ms: number
  /** Of the answer as it came. */
  bytes?: number
  /** Does the answer name the address that was asked for? Absent where it names none. */
  echoMatches?: boolean
  /** As the model would read it. */
  userInfo?: string
  warnings: string[]
}

/** `email` need not be anybody's who has written: the admin answers for asking about it. */
export async function tryUserData(
  runtime: TryRuntime,
  api: UserDataApi,
  authorizations: ReadonlyMap<string, Authorization>,
  email: string,
): Promise<TriedUserData> {
  const identity = madeUpIdentity({ email, level: api.identity })
  if (identity.address === undefined)
    return { ok: false, code: 'bad_email', ms: 0, warnings: ['email: one plain address is needed, in ASCII'] }
  const observed = observedHttp(runtime.http, runtime.now)
  const started = runtime.now()
  const userData = await fetchUserData({
    api,
    authorizations,
    email: identity.address,
    ...trySender({ ...runtime, http: observed.http }, { effect: tryEffect(), tool: userDataTool, identity }),
    signal: AbortSignal.timeout(allowedMs),
  })
  const ms = runtime.now() - started
  const seen = observed.seen()
  const said = seen?.answer.ok ? saidIn(seen.answer.text) : {}
  return {
    ok: userData.kind === 'data' || userData.kind === 'none',
    code: userData.kind === 'unavailable' ? userData.cause : userData.kind,
    ms,
    ...(seen?.status === undefined ? {} : { status: seen.status }),
    ...(seen?.bytes === undefined ? {} : { bytes: seen.bytes }),
    ...(said.identifier === undefined ? {} : { echoMatches: said.identifier === identity.address }),
    ...(userData.kind === 'data' ? { userInfo: userData.text } : {}),
    warnings: [...warningsOf(userData, api, ms, said)],
  }
}

const loose = z.object({ identifier: z.unknown(), user_info: z.unknown() }).partial()
type Said = z.infer<typeof loose>

function saidIn(text: string): Said {
  const json = parseJson(Buffer.from(text))
  const parsed = loose.safeParse(json.ok ? json.value : undefined)
  return parsed.success ? parsed.data : {}
}

function* warningsOf(userData: UserData, api: UserDataApi, ms: number, said: Said): Generator<string> {
  if (ms > slowMs) yield `it took ${(ms / 1000).toFixed(1)} s of ${allowedMs / 1000}; every turn waits for it`
  if (userData.kind === 'mismatch')
    yield 'identifier is not the address that was asked for: the data is dropped. Echo it letter for letter, in lower case'
  if (typeof said.user_info === 'object' && said.user_info !== null)
    yield 'user_info is an object, a string is expected: its JSON is used as the text'
  if (userData.kind === 'data' && userData.cut)
    yield `user_info has ${userData.bytes} bytes and is cut at ${api.maxBytes}: raise maxBytes, or send less`
  if (userData.kind === 'data' && userData.text.trim() === '')
    yield 'user_info is empty: answer 404 where there is no customer'
  if (userData.kind !== 'unavailable') return
  const advice = whatToDo[userData.cause]
  if (advice !== undefined) yield advice
}

const whatToDo: Record<string, string> = {
  timeout: `no answer within ${allowedMs / 1000} s: the turn goes on without the data`,
  status_401:
    'the credential was refused twice, the second time read anew: check the secret of its authorization',
  status_403: 'the credential is known and may not do this: check its rights',
  bad_answer: 'expected {"identifier": "<the same address>", "user_info": "<text>"} as JSON',
  redirect: 'redirects are not followed: configure the final URL',
  authorization_missing:
    'there is no authorization of this name: add it, or remove it from the User Data API',
}
