import { describe, expect, test } from '@jest/globals'
import type { Signature } from '../lambdas/core/helpdesk.ts'
import { verify } from '../lambdas/core/signature.ts'
import { inbound } from '../lambdas/hubspot/inbound.ts'
import { doorbell } from '../schemas/doorbell.ts'
import type { SignatureVector } from './fixtures/fixture.ts'
import { connection, event, vectors, webhooks } from './fixtures/hubspot-webhooks.ts'

/** As the front door does: schemes that the connection did not choose are not tried. */
function verdict({ secret, body, headers, url = '', now = 0, settings }: SignatureVector) {
  const [first, ...more] = inbound.signatures
  const accepted: [Signature, ...Signature[]] = [
    first,
    ...more.filter(({ optedIn }) => optedIn === undefined || optedIn(connection(settings))),
  ]
  const lists = new Map(Object.entries(headers).map(([name, value]) => [name, [value]]))
  const request = { method: 'POST', url, headers: lists, rawBody: Buffer.from(body) }
  return verify(accepted, request, [secret], now)
}
const changed = (text: string, at: number): string =>
  text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1)

describe('a HubSpot signature', () => {
  test.each(vectors)('$name', (vector) => {
    expect(verdict(vector).ok).toBe(vector.holds !== false)
  })
  test.each(vectors.filter(({ holds }) => holds !== false))(
    '$name: no byte of body, URL, header or secret may be another',
    (vector) => {
      const every = (text: string) => Array.from(text, (_, at) => changed(text, at))
      const isV3 = 'x-hubspot-signature-v3' in vector.headers
      const others: SignatureVector[] = [
        ...every(vector.body).map((body) => ({ ...vector, body })),
        ...every(vector.secret).map((secret) => ({ ...vector, secret })),
        ...(isV3 ? every(vector.url ?? '').map((url) => ({ ...vector, url })) : []),
        ...Object.entries(vector.headers)
          .filter(([name]) => !isV3 || /v3|timestamp/.test(name))
          .flatMap(([name, value]) =>
            every(value).map((other) => ({ ...vector, headers: { ...vector.headers, [name]: other } })),
          ),
      ]
      // An escape that HubSpot decodes is the same in either case of letter.
      const same = others.filter((other) => verdict(other).ok)
      expect(same.map(({ url }) => url?.toLowerCase())).toEqual(same.map(() => vector.url?.toLowerCase()))
      expect(others.length).toBeGreaterThan(100)
    },
  )
  test('is the same however the escapes that HubSpot decodes are written', () => {
    const query = vectors.find(({ name }) => name.includes('decodes in part'))
    if (query === undefined) throw new Error('no such vector')
    expect(verdict({ ...query, url: query.url?.replace('%3A', ':').replace('%2F', '%2f') ?? '' }).ok).toBe(
      true,
    )
    expect(verdict({ ...query, url: query.url?.replace('%20', ' ') ?? '' }).ok).toBe(false)
  })
})

describe('a HubSpot webhook', () => {
  test.each(webhooks)('$name', ({ body, rings, refused, settings }) => {
    const webhook = inbound.webhook(JSON.parse(JSON.stringify(body)), connection(settings))
    const bells = 'doorbells' in webhook ? webhook.doorbells : []
    expect(webhook.refused).toBe(refused)
    expect(bells.map((bell) => doorbell.parse(bell))).toEqual(
      rings.map((ring) =>
        ring.from === 'team' ? expect.objectContaining({ from: 'team', ticketId: ring.ticketId }) : ring,
      ),
    )
  })
  test('never names a delivery: HubSpot’s event ids are not unique', () => {
    const webhook = inbound.webhook([event(), event()], connection())
    expect(JSON.stringify(webhook)).not.toMatch(/deliveryId|100200300/)
  })
  test('rings now where HubSpot does not say when it happened', () => {
    const before = Date.now()
    const webhook = inbound.webhook([event({ occurredAt: 'noon' })], connection())
    if (!('doorbells' in webhook)) throw new Error('refused')
    expect(webhook.doorbells[0]?.at).toBeGreaterThanOrEqual(before)
  })
  test('of another account rings nothing, wherever it stands in the batch', () => {
    for (const batch of [
      [event({ portalId: 1, objectId: 66 }), event()],
      [event(), event({ portalId: 1, objectId: 66 })],
    ]) {
      const webhook = inbound.webhook(batch, connection())
      expect(webhook).toMatchObject({ refused: 'wrong_account', doorbells: [{ ticketId: '8877665544' }] })
    }
  })
})
