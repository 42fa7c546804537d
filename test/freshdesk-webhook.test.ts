import { describe, expect, test } from '@jest/globals'
import { verify } from '../lambdas/core/signature.ts'
import { inbound } from '../lambdas/freshdesk/inbound.ts'
import { doorbell } from '../schemas/doorbell.ts'
import { connection, fixture } from './fixtures/freshdesk.ts'

const { vectors, webhooks } = fixture
const read = (body: unknown) => inbound.webhook(body, connection())

const check = (headers: Record<string, string>, secrets: string[], body = 'x') =>
  verify(
    inbound.signatures,
    {
      method: 'POST',
      url: 'https://hooks.example/webhooks/freshdesk/x',
      headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])),
      rawBody: Buffer.from(body),
    },
    secrets,
    0,
  ).ok

describe('a Freshdesk webhook is vouched for', () => {
  test.each(vectors.map((vector) => [vector.name, vector] as const))('by %s', (_name, vector) => {
    expect(check(vector.headers, [vector.secret], vector.body)).toBe(vector.holds !== false)
  })
  test('by every character of the secret', () => {
    for (const { headers, secret } of vectors.filter(({ holds }) => holds !== false))
      for (let at = 0; at < secret.length; at++) {
        const other = `${secret.slice(0, at)}${secret[at] === 'x' ? 'y' : 'x'}${secret.slice(at + 1)}`
        expect(check(headers, [other])).toBe(false)
      }
  })
  test('by either of two secrets while one is replaced, and by none without a secret', () => {
    const headers = { 'x-deskhand-secret': 'new-secret-of-16-chars' }
    expect(check(headers, ['old-secret-of-16-chars', 'new-secret-of-16-chars'])).toBe(true)
    expect(check(headers, [])).toBe(false)
    expect(check({ 'x-deskhand-secret': '' }, [''])).toBe(false)
  })
})

describe('a Freshdesk webhook', () => {
  test.each(webhooks.map((one) => [one.name, one] as const))('%s', (_name, { body, rings, refused }) => {
    const webhook = read(body)
    if (refused !== undefined) return expect(webhook).toEqual({ refused })
    if ('refused' in webhook && !('doorbells' in webhook)) throw new Error(webhook.refused)
    expect(webhook.doorbells.map((bell) => doorbell.parse(bell))).toMatchObject(rings)
    expect(webhook.doorbells).toHaveLength(rings.length)
  })
  test('names no message and no delivery, and rings now', () => {
    const before = Date.now()
    const webhook = read({ ticket_id: '11', event: '{reply_sent:sent}', message_id: '7', delivery_id: 'd' })
    const [bell] = 'doorbells' in webhook ? webhook.doorbells : []
    expect(new Set(Object.keys(bell ?? {}))).toEqual(new Set(['at', 'from', 'ticketId']))
    expect(bell?.at).toBeGreaterThanOrEqual(before)
  })
  test.each([
    ['007', '7'],
    ['INC-11', '11'],
    ['#11', '11'],
    [' 11 ', '11'],
    ['90071992547409931', '90071992547409931'],
  ])('with the ticket number %s is about ticket %s', (ticket_id, ticketId) => {
    expect(read({ ticket_id })).toMatchObject({ doorbells: [{ ticketId }] })
  })
  test.each(['0', '11/../12', '11?x=1', '11 12', '-', '1'.repeat(40), '{{ticket.id}}'])(
    'with the ticket number %s is unreadable',
    (ticket_id) => {
      expect(read({ ticket_id })).toEqual({ refused: 'unreadable' })
    },
  )
})
