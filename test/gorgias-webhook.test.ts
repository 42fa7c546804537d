import { describe, expect, test } from '@jest/globals'
import { verify } from '../lambdas/core/signature.ts'
import { inbound } from '../lambdas/gorgias/inbound.ts'
import { doorbell } from '../schemas/doorbell.ts'
import { fixture } from './fixtures/gorgias.ts'
import { parsedConnection } from './fixtures/gorgias-rest.ts'

const connection = parsedConnection()
const read = (body: unknown) =>
  inbound.webhook(body === undefined ? body : JSON.parse(JSON.stringify(body)), connection)

describe('a Gorgias webhook', () => {
  test.each(fixture.webhooks)('$name', ({ body, rings, refused }) => {
    const before = Date.now()
    const webhook = read(body)
    if (refused !== undefined) {
      expect(webhook).toEqual({ refused })
      return
    }
    if (!('doorbells' in webhook)) throw new Error(webhook.refused)
    expect(webhook.doorbells.map(({ at: _, ...bell }) => bell)).toEqual(rings)
    for (const bell of webhook.doorbells) {
      expect(doorbell.parse(bell).at).toBeGreaterThanOrEqual(before)
      expect(bell).not.toHaveProperty('deliveryId')
    }
  })
  test('keeps nothing of what else the form carries', () => {
    const rung = read({ ticket_id: '60123', from_agent: 'False', body: 'SECRET', email: 'zoe@example.com' })
    expect(JSON.stringify(rung)).not.toMatch(/SECRET|zoe/)
  })
  test.each(['True', 'true', 'TRUE', '1'])('takes %s for the team', (from_agent) => {
    expect(read({ ticket_id: '60123', from_agent })).toMatchObject({ doorbells: [{ from: 'team' }] })
  })
  test.each(['False', '0', 'None', '', 'yes', undefined])('has the ticket looked at for %j', (from_agent) => {
    expect(read({ ticket_id: '60123', from_agent })).toMatchObject({ doorbells: [{ from: 'customer' }] })
  })
  test('of the bot user rings nothing only where Gorgias says that the company wrote it', () => {
    expect(read({ ticket_id: '60123', from_agent: 'True', sender_id: '93' })).toEqual({ doorbells: [] })
    expect(read({ ticket_id: '60123', from_agent: 'False', sender_id: '93' })).toMatchObject({
      doorbells: [{ from: 'customer' }],
    })
  })
})

describe('the shared secret of Gorgias', () => {
  const holds = (headers: Record<string, string>, secret: string, body = '{}') =>
    verify(
      inbound.signatures,
      {
        method: 'POST',
        url: 'https://deskhand.example/webhooks/gorgias/x',
        headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])),
        rawBody: Buffer.from(body),
      },
      [secret],
      0,
    ).ok

  test.each(fixture.vectors)('$name', ({ headers, secret, body, holds: expected = true }) => {
    expect(holds(headers, secret, body)).toBe(expected)
  })
  test('does not hold with any one byte changed', () => {
    const secret = 'gorgias-test-secret'
    for (let at = 0; at < secret.length; at++)
      for (const bit of [1, 2, 4, 32]) {
        const changed = [...secret]
          .map((c, i) => (i === at ? String.fromCharCode(c.charCodeAt(0) ^ bit) : c))
          .join('')
        expect(holds({ 'x-deskhand-secret': changed }, secret)).toBe(false)
      }
  })
  test('says who sent it and not what, so the body is believed for ids only', () => {
    expect(holds({ 'x-deskhand-secret': 's'.repeat(16) }, 's'.repeat(16), 'any body')).toBe(true)
  })
})
