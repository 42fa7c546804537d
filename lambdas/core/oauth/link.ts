/**
 * Linking a delegated authorization: an admin is sent to the provider, comes back with a code, and ends it by a call
 * that is signed in as the same admin. Only that last step stores anything: a link that was sent to somebody else, or a
 * callback that somebody else was lured to, links nothing.
 *
 * `begin` and `redeem` are for calls of a signed-in admin, who `starter` names; `callback` is for anybody's browser.
 */
import { calculatePKCECodeChallenge } from 'oauth4webapi'
import * as z from 'zod'
import { type Authorization, grantSecretName, type OAuthDelegated } from '../../../schemas/authorization.ts'
import { tenantId } from '../../../schemas/names.ts'
import { DeskhandError } from '../errors.ts'
import type { Http, Random, SecretStore, Secrets } from '../ports.ts'
import { boundSecret } from '../tools/bound-secret.ts'
import { versionOf } from './access-tokens.ts'
import { type LinkRows, refusal, storeLink, useUpLink } from './link-rows.ts'
import { grantOf } from './renew-grant.ts'
import { askByCode } from './token-request.ts'

const minute = 60_000
/** From the click to the callback: RFC 6749 lets a code live no longer either. */
const stateLifeMs = 10 * minute
/** From the callback to the page that redeems. */
const resultLifeMs = 2 * minute
/** 256 bits. */
const secretBytes = 32

export interface LinkContext extends LinkRows {
  secrets: Secrets
  /** Makes the grant's secret where there is none. */
  store: SecretStore
  http: Http
  random: Random
  /** The authorization of that name as it is live now. */
  live(name: string): Promise<Authorization | undefined>
}

/**
 * Begins: answers where to send the starter's browser. Throws `bad_configuration` where there is no delegated
 * authorization of that name.
 */
export async function beginLink(
  context: LinkContext,
  about: { name: string; starter: string; redirectUri: string },
): Promise<{ url: string }> {
  const authorization = await delegated(context, about.name)
  const state = `${context.tenant}.${context.random(secretBytes).toString('base64url')}`
  const verifier = context.random(secretBytes).toString('base64url')
  await storeLink(context, 'state', state, {
    ...about,
    version: versionOf(authorization),
    secret: verifier,
    until: context.clock.now() + stateLifeMs,
  })
  const url = new URL(authorization.authorizeUrl)
  const query = {
    response_type: 'code',
    client_id: authorization.clientId,
    redirect_uri: about.redirectUri,
    state,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    scope: authorization.scope,
    audience: authorization.audience,
  }
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, value)
  return { url: url.href }
}

/** The tenant that a state or a result names, before anything of it is believed; `undefined` where it names none. */
export function tenantOfLink(stateOrResult: string): string | undefined {
  return tenantId.safeParse(stateOrResult.split('.')[0]).data
}

/**
 * The browser came back. Uses the state up, and answers a result for the page to redeem: nothing is exchanged or stored
 * as a credential yet. `redirectUri` is where it came back to. Throws `refused`.
 */
export async function callbackOfLink(
  context: LinkContext,
  came: { state: string; code: string | undefined; redirectUri: string },
): Promise<{ result: string }> {
  const { row, secret: verifier } = await useUpLink(context, 'state', came.state, {})
  await delegated(context, row.name, row.version)
  if (row.redirectUri !== came.redirectUri) throw refusal('the answer came back to another address')
  if (came.code === undefined) throw refusal('the provider did not give consent')
  const result = `${context.tenant}.${context.random(secretBytes).toString('base64url')}`
  await storeLink(context, 'result', result, {
    ...row,
    secret: JSON.stringify({ code: came.code, verifier } satisfies z.infer<typeof consent>),
    until: context.clock.now() + resultLifeMs,
  })
  return { result }
}

const consent = z.object({ code: z.string(), verifier: z.string() })

/**
 * Ends it: exchanges the code and stores the refresh token, for the starter alone. Another caller learns nothing and
 * uses nothing up. Throws `refused`, or `unavailable` when the provider or AWS does not answer.
 */
export async function redeemLink(
  context: LinkContext,
  by: { result: string; starter: string },
): Promise<{ name: string }> {
  const { row, secret } = await useUpLink(context, 'result', by.result, { starter: by.starter })
  const authorization = await delegated(context, row.name, row.version)
  const { code, verifier } = consent.parse(JSON.parse(secret))
  const { http, clock, store: secretStore } = context
  const clientSecret = await clientSecretOf(context, authorization)
  const given = await askByCode(
    { authorization, clientSecret, http, now: clock.now },
    { code, redirectUri: row.redirectUri, verifier },
  )
  if (!given.ok)
    throw new DeskhandError(given.cause === 'token_unavailable' ? 'unavailable' : 'refused', given.message)
  if (given.refreshToken === undefined) {
    throw refusal('the provider gave no refresh token: ask for one in the scope, often offline_access')
  }
  await secretStore.write(grantSecretName(authorization), grantOf(authorization, given.refreshToken))
  return { name: row.name }
}

/** The same delegated authorization as when it began: a changed one could send the code to somebody else. */
async function delegated({ live }: LinkContext, name: string, version?: string): Promise<OAuthDelegated> {
  const authorization = await live(name)
  if (authorization?.type !== 'oauth_delegated')
    throw new DeskhandError(
      'bad_configuration',
      `there is no delegated authorization ${name}: publish it first`,
    )
  if (version !== undefined && versionOf(authorization) !== version)
    throw refusal(`authorization ${name} was changed meanwhile: begin again`)
  return authorization
}

async function clientSecretOf({ secrets }: LinkContext, authorization: OAuthDelegated): Promise<string> {
  const bound = await boundSecret(secrets, authorization, [new URL(authorization.tokenUrl)], {
    fresh: true,
    header: 'authorization',
    fits: (value) => value !== '',
  })
  if (bound.ok) return bound.value
  throw new DeskhandError(bound.cause === 'secrets_unavailable' ? 'unavailable' : 'refused', bound.message)
}
