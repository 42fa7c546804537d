/** One tenant's ways out with a provider of OAuth and an API that takes its tokens, all over HTTP. */
import { randomBytes } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { answerRuntime } from '../lambdas/core/aws/answer-runtime.ts'
import { createSecretStore } from '../lambdas/core/aws/secret-store.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { createLog } from '../lambdas/core/log.ts'
import type { LinkContext } from '../lambdas/core/oauth/link.ts'
import type { Io, TenantRuntime } from '../lambdas/core/ports.ts'
import { type Sending, sendRequest } from '../lambdas/core/tools/call-tool.ts'
import { startAwsEndpoint } from '../local/aws-endpoint.ts'
import { type OAuthServerOptions, startOAuthServer } from '../local/oauth-server.ts'
import { startTables, tableNames } from '../local/tables.ts'
import {
  type Authorization,
  authorization,
  isOAuth,
  type OAuthAuthorization,
} from '../schemas/authorization.ts'
import { startTenantApi } from './tenant-api.ts'

export const starter = 'user-1'
export const redirectUri = 'https://deskhand.example.com/oauth/callback'

export type OAuthWorld = Awaited<ReturnType<typeof startOAuthWorld>>

export async function startOAuthWorld(options: OAuthServerOptions = {}) {
  const clock = { time: Date.parse('2026-11-21T09:00:00Z'), now: () => clock.time }
  const lines: string[] = []
  const aws = await startAwsEndpoint({ clock })
  const tables = await startTables()
  const oauth = await startOAuthServer({ ...options, redirectUri, now: clock.now })
  const api = await startTenantApi()
  const keyId = aws.createKey('content')
  const identityKeyArn = aws.createSigningKey('identity')
  const config = { endpoint: aws.url, region: 'local', credentials: aws.credentials }
  const dynamo = new DynamoDBClient({ ...config, endpoint: tables.url })
  const admin = new SecretsManagerClient(config)
  const allowance = { hosts: new Set([new URL(oauth.url).host, api.host]) }

  /** A process of `answer`, with nothing cached. */
  const process = (io: Io = (_port, call) => call(), tenant = 'acme'): Promise<TenantRuntime> =>
    answerRuntime({
      aws: { ...config, dynamoEndpoint: tables.url },
      clock,
      io,
      tableNames,
      queueUrl: 'https://sqs.local/q',
      keyId,
      identityKeyArn,
      publicUrl: 'https://hooks.deskhand.example',
      roleArn: aws.roleArn,
      anthropic: { apiKey: 'key' },
      allowance,
      log: createLog({ clock, write: (line) => lines.push(line) }),
    }).forTenant(tenant)

  const define = (more: object): Authorization =>
    authorization.parse({
      name: 'shop',
      secret: 'shop-client',
      tokenUrl: oauth.tokenUrl,
      clientId: oauth.client.id,
      ...more,
    })
  const asOAuth = (one: Authorization): OAuthAuthorization => {
    if (isOAuth(one)) return one
    throw new Error('not an OAuth authorization')
  }

  const world = {
    clock,
    aws,
    tables,
    oauth,
    api,
    process,
    clientCredentials: (more: object = {}) => asOAuth(define({ type: 'oauth_client_credentials', ...more })),
    delegated: (more: object = {}) =>
      asOAuth(define({ type: 'oauth_delegated', authorizeUrl: oauth.authorizeUrl, ...more })) as Extract<
        OAuthAuthorization,
        { type: 'oauth_delegated' }
      >,
    /** Stores the client's secret, bound to these hosts. */
    bindSecret(hosts: string[] = [new URL(oauth.url).host, api.host], value = oauth.client.secret) {
      aws.putSecret('deskhand/acme/outbound/shop-client', { value, hosts })
    },
    grant: (): Record<string, unknown> | undefined => {
      const text = aws.secrets()['deskhand/acme/outbound/grant-shop']
      return text === undefined ? undefined : JSON.parse(text)
    },
    /** The API takes what the provider gave, and says 401 to all else. */
    async call(tenant: TenantRuntime, one: Authorization, over: Partial<Sending> = {}) {
      return await sendRequest(
        { method: 'POST', url: `${api.url}/orders`, headers: {}, body: '{"n":1}' },
        {
          effect: 'read',
          response: { maxBytes: 1000 },
          timeoutMs: 20_000,
          keyed: false,
          again: false,
          authorization: one,
          http: tenant.http,
          secrets: tenant.secrets,
          tokens: tenant.tokens,
          identify: () => Promise.reject(new Error('a signature was asked for')),
          signal: new AbortController().signal,
          ...over,
        },
      )
    },
    /** What the admin API will have: it may make secrets. */
    async link(live: (name: string) => Promise<Authorization | undefined>): Promise<LinkContext> {
      const { vault, http, secrets } = await process()
      const io: Io = (_port, call) => call()
      return {
        tenant: 'acme',
        table: createTable(dynamo, tableNames.conversations, 'conversations', io),
        vault,
        secrets,
        store: createSecretStore({ client: admin, tenant: 'acme', createWith: { kmsKeyId: 'secrets' }, io }),
        http,
        clock,
        random: randomBytes,
        live,
      }
    },
    /** Consents in the provider's page; answers what the browser brings back. */
    async consent(url: string): Promise<{ state: string; code: string }> {
      const page = await fetch(url, { redirect: 'manual' })
      const { searchParams } = new URL(page.headers.get('location') ?? '')
      return { state: searchParams.get('state') ?? '', code: searchParams.get('code') ?? '' }
    },
    /** Everything that was given out, and what it was given for, is in no log line. */
    assertSilent() {
      const secrets = [...oauth.given, oauth.client.secret]
      const told = lines.find((line) => secrets.some((secret) => line.includes(secret)))
      if (told !== undefined) throw new Error(`a log line holds a token: ${told}`)
    },
    async close() {
      world.assertSilent()
      dynamo.destroy()
      admin.destroy()
      await Promise.all([aws, tables, oauth, api].map((each) => each.close()))
    },
  }

  world.bindSecret()
  api.respond((response, request) => {
    const token = request.headers.authorization?.replace(/^Bearer /, '')
    const status = oauth.isGood(token) ? 200 : 401
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ token }))
  })
  return world
}
