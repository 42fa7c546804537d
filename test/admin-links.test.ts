/** Linking a delegated authorization over HTTP: by an admin, a browser and a provider that speaks OAuth. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type OAuthServer, startOAuthServer } from '../local/oauth-server.ts'
import { type AdminWorld, startAdminWorld } from './admin-world.ts'

let world: AdminWorld
let oauth: OAuthServer
const base = '/admin/tenants/acme'
const why = 'because'

beforeAll(async () => {
  world = await startAdminWorld()
  oauth = await startOAuthServer({
    redirectUri: 'https://deskhand.acme.com/oauth/callback',
    now: world.clock.now,
  })
  const host = new URL(oauth.url).host
  world.allowance.hosts.add(host)
  await world.enrol('acme', 'adam', 'admin')
  await world.enrol('acme', 'alma', 'admin')
  await world.enrol('acme', 'edda', 'editor')
  await world.enrol('bolt', 'bob', 'admin')
  const adam = world.as('adam')
  await adam.put(`${base}/secrets/outbound/shop-client`, { value: oauth.client.secret, hosts: [host], why })
  const { tokenUrl, authorizeUrl, client } = oauth
  const definition = {
    name: 'shop',
    type: 'oauth_delegated',
    secret: 'shop-client',
    tokenUrl,
    authorizeUrl,
    clientId: client.id,
  }
  await adam.post(`${base}/authorizations`, { definition, why })
  await adam.post(`${base}/authorizations/shop/publish`, { why }, { ifMatch: '"1"' })
})
afterAll(async () => {
  await oauth.close()
  await world.close()
})

const grant = () => world.aws.secrets()['deskhand/acme/outbound/grant-shop']

/** What the page shows after the browser came back. */
async function consented(who = 'adam'): Promise<string> {
  const begun = await world.as(who).post(`${base}/authorizations/shop/link`, {})
  expect(begun.status).toBe(200)
  const there = await fetch(begun.body.url, { redirect: 'manual' })
  const back = new URL(there.headers.get('location') ?? '')
  const page = await world.send('GET', `${back.pathname}${back.search}`)
  expect(page).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' })
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  expect(page.headers.get('cache-control')).toBe('no-store')
  return /<code>(.*)<\/code>/.exec(page.text)?.[1] ?? ''
}

test('whoever began it ends it, and the refresh token is in Secrets Manager and nowhere else', async () => {
  const result = await consented()
  expect(grant()).toBeUndefined()
  const redeemed = await world.as('adam').post(`${base}/authorizations/shop/redeem`, { result })
  expect(redeemed).toMatchObject({ status: 200, body: { name: 'shop' } })
  const token = JSON.parse(grant() ?? '{}').refreshToken
  expect(token).toMatch(/^refresh-/)
  const told = JSON.stringify([redeemed.text, world.lines, await world.rows()])
  expect(told).not.toContain(token)
  expect(told).not.toContain(result)
  expect((await world.as('adam').post(`${base}/authorizations/shop/redeem`, { result })).status).toBe(409)
})

test('nobody else can end it, and trying uses nothing up', async () => {
  const before = grant()
  const result = await consented()
  const redeem = (who: string, tenant = 'acme') =>
    world.as(who).post(`/admin/tenants/${tenant}/authorizations/shop/redeem`, { result })
  expect((await redeem('alma')).status).toBe(409)
  expect((await redeem('edda')).status).toBe(403)
  expect((await redeem('bob', 'bolt')).status).toBe(409)
  expect((await redeem('olga')).status).toBe(409)
  expect(grant()).toBe(before)
  expect((await redeem('adam')).status).toBe(200)
})

test('a browser that was sent to the callback links nothing, with whatever it brings', async () => {
  const before = grant()
  for (const query of [
    '',
    '?state=x&code=y',
    '?state=acme.x&code=y',
    '?state=bolt.x',
    '?state=..%2f&code=<b>',
    '?error=denied',
  ]) {
    const page = await world.send('GET', `/oauth/callback${query}`)
    expect([query, page.status, page.text.includes('<b>')]).toEqual([query, 400, false])
  }
  expect(grant()).toBe(before)
})

test('an editor begins none', async () => {
  expect((await world.as('edda').post(`${base}/authorizations/shop/link`, {})).status).toBe(403)
  expect((await world.as('adam').post(`${base}/authorizations/none/link`, {})).status).toBe(409)
})
