/**
 * Linking a delegated authorization: an admin is sent to the provider, comes back with a code, and ends it by a call
 * that is signed in as the same admin. Only that last step stores anything: a link that was sent to somebody else, or a
 * callback that somebody else was lured to, links nothing.
 *
 * `begin` and `redeem` are for calls of a signed-in admin, who `starter` names; `callback` is for anybody's browser.
 */
import { createHash } from 'node:crypto'
import { calculatePKCECodeChallenge } from 'oauth4webapi'
import * as z from 'zod'
import { type Authorization, grantSecretName, type OAuthDelegated } from '../../../schemas/authorization.ts'
import { tenantId } from '../../../schemas/names.ts'
import { DeskhandError, isCode } from '../errors.ts'
import type { Clock, Http, Key, Random, Row, SecretStore, Secrets, Table, Vault } from '../ports.ts'
import { boundSecret } from '../tools/bound-secret.ts'
import { versionOf } from './access-tokens.ts'
import { grantOf } from './renew-grant.ts'
import { askByCode } from './token-request.ts'

const minute = 60_000
/** From the click to the callback: RFC 6749 lets a code live no longer either. */
const stateLifeMs = 10 * minute
/** From the callback to the page that redeems. */
const resultLifeMs = 2 * minute
/** 256 bits. */
const secretBytes = 32

export interface LinkContext {
  tenant: string
  table: Table
  vault: Vault
  secrets: Secrets
  /** Makes the grant's secret where there is none. */
  store: SecretStore
  http: Http
  clock: Clock
  random: Random
  /** The authorization of that name as it is live now. */
  live(name: string): Promise<Authorization | undefined>
}

/** What both rows of a link say: the state's, and the result's. */
const linkRow = z.object({
  name: z.string(),
  /** Of the definition when it began. */
  version: z.string(),
  starter: z.string(),
  redirectUri: z.string(),
  sealed: z.instanceof(Uint8Array),
  until: z.number(),
})
type LinkRow = z.infer<typeof linkRow>

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
  await store(context, 'state', state, {
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
  const { row, secret: verifier } = await useUp(context, 'state', came.state, {})
  await delegated(context, row.name, row.version)
  if (row.redirectUri !== came.redirectUri) throw refusal('the answer came back to another address')
  if (came.code === undefined) throw refusal('the provider did not give consent')
  const result = `${context.tenant}.${context.random(secretBytes).toString('base64url')}`
  await store(context, 'result', result, {
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
  const { row, secret } = await useUp(context, 'result', by.result, { starter: by.starter })
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
    fits: (value) => value !== '',
  })
  if (bound.ok) return bound.value
  throw new DeskhandError(bound.cause === 'secrets_unavailable' ? 'unavailable' : 'refused', bound.message)
}

type Kind = 'state' | 'result'

/** Whoever reads the table finds nothing that could be used: the value is hashed, what belongs to it sealed. */
const keyOf = (tenant: string, kind: Kind, value: string): Key => ({
  pk: `T#${tenant}#link#${createHash('sha256').update(value).digest('base64url')}`,
  sk: kind,
})

async function store(
  { tenant, table, vault }: LinkContext,
  kind: Kind,
  value: string,
  about: Omit<LinkRow, 'sealed'> & { secret: string },
): Promise<void> {
  const key = keyOf(tenant, kind, value)
  const { name, version, starter, redirectUri, until } = about
  const sealed = await vault.seal({ ...key, field: 'secret' }, about.secret)
  const row = {
    ...key,
    name,
    version,
    starter,
    redirectUri,
    until,
    sealed,
    expiresAt: Math.ceil(until / 1000),
  }
  await table.put(`link_${kind}`, row, { condition: 'attribute_not_exists(pk)' })
}

/** Takes it, once and in time. What does not fit is refused in the same words, whatever it is. */
async function useUp(
  { tenant, table, vault, clock }: LinkContext,
  kind: Kind,
  value: string,
  only: { starter?: string },
): Promise<{ row: LinkRow; secret: string }> {
  const key = keyOf(tenant, kind, value)
  const { starter } = only
  let stored: Row
  try {
    stored = await table.update(`use_${kind}`, key, {
      update: 'SET usedAt = :now',
      condition: `attribute_exists(pk) AND attribute_not_exists(usedAt) AND #until > :now${starter === undefined ? '' : ' AND starter = :starter'}`,
      names: { '#until': 'until' },
      values: { ':now': clock.now(), ...(starter === undefined ? {} : { ':starter': starter }) },
    })
  } catch (error) {
    if (isCode(error, 'condition_failed'))
      throw refusal('this link is unknown, over or not yours: begin again')
    throw error
  }
  const row = linkRow.parse(stored)
  return { row, secret: await vault.open({ ...key, field: 'secret' }, row.sealed) }
}

const refusal = (message: string): DeskhandError => new DeskhandError('refused', message)
