import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { verify } from '../lambdas/core/signature.ts'
import { inbound } from '../lambdas/intercom/inbound.ts'
import { byMessenger, connection, fixture, notification, part } from './fixtures/intercom.ts'

const read = (body: unknown) => inbound.webhook(JSON.parse(JSON.stringify(body)), connection())
const item = (more: object = {}) => ({ ...byMessenger().conversation, ...more })

describe('an Intercom webhook', () => {
  test('keeps nothing of what people wrote', () => {
    const kept = fixture.webhooks.map(({ body }) => JSON.stringify(read(body))).join()
    expect(kept).toContain('215469990000001')
    expect(kept).not.toMatch(/zoe|Zoë|news|order|Order|@/)
  })
  test('with a conversation id that lost digits is unreadable, not another conversation', () => {
    const id = JSON.parse('215469990000000001')
    expect(read(notification('conversation.user.replied', item({ id })))).toEqual({ refused: 'unreadable' })
  })
  test('names no delivery where Intercom gave no id, or one that is too long to be one', () => {
    for (const id of [null, undefined, '', 'x'.repeat(129), 7]) {
      const webhook = read(notification('conversation.user.created', item(), { id }))
      expect(webhook).toMatchObject({ doorbells: [{ messageId: '2150000001' }] })
      expect(JSON.stringify(webhook)).not.toContain('deliveryId')
    }
  })
  test('of a customer’s part that is no message rings without naming one, which no read would show', () => {
    const rated = part({ part_type: 'conversation_rating_changed', body: null })
    const conversation_parts = { conversation_parts: [rated] }
    const webhook = read(notification('conversation.user.replied', item({ conversation_parts })))
    expect(webhook).toMatchObject({ doorbells: [{ from: 'customer' }] })
    expect(JSON.stringify(webhook)).not.toContain('messageId')
  })
  test('of the team names no message: an assignment is none', () => {
    for (const { body } of fixture.webhooks) {
      const webhook = read(body)
      const bells = 'doorbells' in webhook ? webhook.doorbells : []
      for (const bell of bells.filter(({ from }) => from === 'team'))
        expect(bell).not.toHaveProperty('messageId')
    }
  })
  test('takes the time of the notification where the part tells none', () => {
    const conversation_parts = { conversation_parts: [part({ created_at: 'soon' })] }
    expect(read(notification('conversation.user.replied', item({ conversation_parts })))).toMatchObject({
      doorbells: [{ at: 1790000060000 }],
    })
  })
})

describe('Intercom’s signature', () => {
  const [vector] = fixture.vectors
  if (vector === undefined) throw new Error('no vector')
  const holds = (body: Buffer, value: string): boolean =>
    verify(
      inbound.signatures,
      { method: 'POST', url: '', headers: new Map([['x-hub-signature', [value]]]), rawBody: body },
      [vector.secret],
      0,
    ).ok
  const value = vector.headers['x-hub-signature'] ?? ''

  test('holds for the bytes that were signed and for no others', () => {
    const bytes = Buffer.from(vector.body)
    expect(holds(bytes, value)).toBe(true)
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect({ at, holds: holds(changed, value) }).toEqual({ at, holds: false })
    }
  })
  test('holds for no other character of the header', () => {
    for (let at = 0; at < value.length; at++) {
      const changed = `${value.slice(0, at)}${value[at] === '0' ? '1' : '0'}${value.slice(at + 1)}`
      expect({ at, holds: holds(Buffer.from(vector.body), changed) }).toEqual({ at, holds: false })
    }
  })
})

test('what receives Intercom’s webhooks cannot call Intercom', () => {
  const seen = new Set<string>()
  const follow = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const text = readFileSync(file, 'utf8').replaceAll(/import type[^;]*?from '[^']+'/g, '')
    for (const [, path = ''] of text.matchAll(/from '(\.{1,2}\/[^']+)'/g)) follow(join(dirname(file), path))
  }
  follow(join(__dirname, '../lambdas/intercom/inbound.ts'))
  const names = [...seen].map((file) => file.slice(file.indexOf('/lambdas/') + 1))
  expect(names).toContain('lambdas/intercom/inbound.ts')
  expect(names.filter((name) => /helpdesk-api|egress|intercom\/(api|post|ticket)\.ts/.test(name))).toEqual([])
})
