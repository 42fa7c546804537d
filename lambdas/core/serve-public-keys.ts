/** `GET /t/{tenant}/.well-known/jwks.json`: how a tenant's API checks that a `Deskhand-Identity` is ours. */
import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { tenantId } from '../../schemas/names.ts'
import { DeskhandError } from './errors.ts'
import { createKeySet } from './identity/public-keys.ts'
import type { PublicKeysRuntime } from './ports.ts'

/** How long others may keep the set. A new key has to be published for longer than this before it signs. */
export const keySetMaxAgeSeconds = 600

/**
 * The same keys for every tenant, because what tells tenants apart is the `iss` that is signed. It asks no table, so
 * that it cannot tell who is a tenant here either.
 */
export function createPublicKeys({ publicKeys, keyArns, log }: PublicKeysRuntime) {
  const keySet = createKeySet(publicKeys, keyArns)
  return middy<Pick<APIGatewayProxyEventV2, 'pathParameters'>, Answer>().handler(async (event) => {
    if (!tenantId.safeParse(event.pathParameters?.tenant).success) return answer(404, { error: 'not found' })
    try {
      return answer(200, await keySet(), { 'cache-control': `public, max-age=${keySetMaxAgeSeconds}` })
    } catch (error) {
      if (!(error instanceof DeskhandError)) throw error
      log.alarm('public_keys_unread', { cause: error.code, errorMessage: error.message })
      return answer(503, { error: 'try again' }, { 'retry-after': '5' })
    }
  })
}

interface Answer {
  statusCode: number
  headers: Record<string, string>
  body: string
}

const answer = (statusCode: number, body: object, headers: Record<string, string> = {}): Answer => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
})
