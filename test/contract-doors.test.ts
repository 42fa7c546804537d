/** The front door of every helpdesk: who may ring, and what rings. Over the real handler. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Signature } from '../lambdas/core/helpdesk.ts'
import { verify } from '../lambdas/core/signature.ts'
import { demoPeople } from '../local/people.ts'
import { doorbell } from '../schemas/doorbell.ts'
import { helpdeskNames } from '../schemas/names.ts'
import { echoes } from './claude-scripts.ts'
import type { SignatureVector } from './fixtures/fixture.ts'
import { fixtures } from './fixtures/helpdesks.ts'
import { startWorld, type World } from './world.ts'

const second = 1000

describe.each(helpdeskNames)('the front door of %s', (name) => {
  const fixture = fixtures[name]
  const { helpdesk } = fixture
  let world: World
  let ticketId: string
  beforeAll(async () => {
    world = await startWorld({ script: echoes, helpdesk: name })
  })
  afterAll(() => world.close())

  const signed = (secret = fixture.demo.webhookSecret) =>
    world.standIn.webhookOf(ticketId, undefined, { ...world.webhook, secret })
  const knock = (rawBody: string | Buffer, headers: Record<string, string>) =>
    world.process().knock(rawBody, headers)

  describe('the vendor’s vectors', () => {
    const schemes = (settings: object | undefined): [Signature, ...Signature[]] => {
      const connection = fixture.connection(settings)
      const accepted = helpdesk.signatures.filter(({ optedIn }) => optedIn?.(connection) ?? true)
      // The vendor signs its own examples with a secret that it published.
      return accepted.map((each) => ({ ...each, published: [] })) as unknown as [Signature, ...Signature[]]
    }
    const check = ({ headers, body, secret, now, url, settings }: SignatureVector) =>
      verify(
        schemes(settings),
        {
          method: 'POST',
          url: url ?? world.webhook.url,
          headers: new Map(Object.entries(headers).map(([header, value]) => [header, [value]])),
          rawBody: Buffer.from(body),
        },
        [secret],
        now ?? 0,
      ).ok

    test.each(fixture.vectors)('$name', (vector) => {
      expect(check(vector)).toBe(vector.holds ?? true)
    })
    test('there is one that holds', () => {
      expect(fixture.vectors.some(({ holds }) => holds === undefined)).toBe(true)
    })
  })

  describe('a webhook', () => {
    beforeEach(async () => {
      world.clock.time += 3600 * second
      await world.publish()
      ticketId = world.standIn.opens({ from: demoPeople.zoe, text: 'Where is order 1042?' })
    })

    test('as the vendor sends it rings its ticket', async () => {
      const { rawBody, headers } = signed()
      expect(await knock(rawBody, headers)).toBe(200)
      expect(await world.row(ticketId)).toMatchObject({ rung: 1, due: expect.any(String) })
    })

    const [first] = helpdesk.signatures
    const covers: readonly string[] =
      first.scheme === 'hmac' ? first.covers : first.scheme === 'hash' ? ['body'] : []

    test('with any one byte of its body changed is refused, where the vendor signs it', async () => {
      const { rawBody, headers } = signed()
      const bytes = Buffer.from(rawBody)
      const flipped = (at: number): Buffer => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ 1
        return changed
      }
      const given = new Map(Object.entries(headers).map(([header, value]) => [header.toLowerCase(), [value]]))
      const request = { method: 'POST', url: world.webhook.url, headers: given }
      const holds = (body: Buffer) =>
        verify([first], { ...request, rawBody: body }, [fixture.demo.webhookSecret], world.clock.time).ok
      expect(holds(bytes)).toBe(true)
      // A secret in a header says who sent it and not what: such a body names ids only, and nothing of it is believed.
      const isCovered = covers.includes('body')
      for (let at = 0; at < bytes.length; at++)
        expect({ at, holds: holds(flipped(at)) }).toEqual({ at, holds: !isCovered })
      // And so says the handler.
      const process = world.process()
      for (let at = 3; at < bytes.length; at += 41) {
        const status = await process.knock(flipped(at), headers)
        expect({ at, status }).toEqual({ at, status: isCovered ? 401 : 200 })
      }
    })

    test('with any one character of what proves it changed, cut or doubled is refused', async () => {
      const { rawBody, headers } = signed()
      const process = world.process()
      const proving = headersThatProve(first)
      for (const header of proving) {
        const value = headerOf(headers, header)
        const send = (changed: string | undefined) => {
          const { [nameOf(headers, header)]: _, ...others } = headers
          return process.knock(rawBody, changed === undefined ? others : { ...others, [header]: changed })
        }
        for (let at = 0; at < value.length; at++) {
          const other = value[at] === 'A' ? 'B' : value[at] === '0' ? '1' : value[at] === '1' ? '0' : 'A'
          expect({ at, status: await send(`${value.slice(0, at)}${other}${value.slice(at + 1)}`) }).toEqual({
            at,
            status: 401,
          })
        }
        for (const changed of [
          undefined,
          '',
          value.slice(0, -1),
          `${value}x`,
          `${value},${value}`,
          `${value}, ${value}`,
        ])
          expect({ header, changed, status: await send(changed) }).toEqual({ header, changed, status: 401 })
      }
    })

    test.each([-301, -300, 0, 300, 301])('that is %i s away from now', async (seconds) => {
      const { rawBody, headers } = signed()
      world.clock.time += seconds * second
      const isTimed = first.scheme === 'hmac' && first.timestamp !== undefined
      // Whole seconds are signed: of a clock that stands between two, the edge may lie beyond.
      const expected = isTimed && Math.abs(seconds) > 300 ? 401 : 200
      expect(await knock(rawBody, headers)).toBe(expected)
    })

    test('signed with the second of two active secrets is taken, with one that ended or another it is not', async () => {
      const [mine] = Object.keys(fixture.demo.secrets(world.standIn.url).inbound)
      const publish = (expiresAt: string) =>
        world.publish([
          {
            kind: 'connection',
            id: world.connectionId,
            definition: world.connection({ inbound: [{ secret: mine }, { secret: 'older', expiresAt }] }),
          },
        ])
      const older = 'the-secret-before-the-rotation'
      world.aws.putSecret(`deskhand/nordlicht/inbound/older`, { value: older })
      await publish(new Date(world.clock.time + 60 * second).toISOString())
      const with_ = async (secret: string) => {
        const { rawBody, headers } = signed(secret)
        return await knock(rawBody, headers)
      }
      expect(await with_(older)).toBe(200)
      expect(await with_(fixture.demo.webhookSecret)).toBe(200)
      expect(await with_('a-secret-of-somebody-else')).toBe(401)
      expect(await with_('')).toBe(401)
      await publish(new Date(world.clock.time - 1).toISOString())
      expect(await with_(older)).toBe(401)
    })

    test('to a connection that is not there, or another helpdesk’s, is refused like a forged one', async () => {
      const { rawBody, headers } = signed()
      for (const id of ['nordlicht.AAAAAAAAAAAAAAAAAAAAAA', 'nobody.AAAAAAAAAAAAAAAAAAAAAA', '', '../x'])
        expect(await world.process().knock(rawBody, headers, { connectionId: id })).toBe(401)
    })

    test('is not asked for by HEAD, which says 200 and does nothing', async () => {
      expect(await world.process().knock('', {}, { method: 'HEAD' })).toBe(200)
      expect(await world.row(ticketId)).toBeUndefined()
    })
  })

  describe('what rings', () => {
    test.each(fixture.webhooks)('$name', ({ body, rings, refused, settings }) => {
      const webhook = helpdesk.webhook(structuredClone(body), fixture.connection(settings))
      const doorbells = 'doorbells' in webhook ? webhook.doorbells.map((each) => doorbell.parse(each)) : []
      expect(doorbells.map((each) => ({ ...each, at: 0 }))).toEqual(rings.map((each) => ({ ...each, at: 0 })))
      for (const [i, { at }] of rings.entries()) if (at !== undefined) expect(doorbells[i]?.at).toBe(at)
      expect(webhook.refused).toBe(refused)
      if (refused !== undefined && rings.length === 0)
        expect('doorbells' in webhook && doorbells.length > 0).toBe(false)
    })

    test('every kind is among them: a customer, the team, nobody, not ours', () => {
      const kinds = fixture.webhooks.flatMap(({ rings, refused }) =>
        refused ? [refused] : rings.length === 0 ? ['nothing'] : rings.map(({ from }) => from),
      )
      expect(kinds).toEqual(expect.arrayContaining(['customer', 'team', 'nothing', 'unreadable']))
    })

    test('junk of any kind never throws', () => {
      const connection = fixture.connection()
      for (const junk of [
        null,
        1,
        'x',
        [],
        {},
        [[]],
        [null],
        { id: {} },
        [{ objectId: {} }],
        { ticket_id: [] },
        { data: { item: [] } },
      ])
        expect(() => helpdesk.webhook(junk, connection)).not.toThrow()
    })
  })
})

/** Headers that a scheme rests on. */
function headersThatProve(signature: Signature): string[] {
  if (signature.scheme === 'basic') return ['authorization']
  const timestamp = signature.scheme === 'hmac' ? signature.timestamp?.header : undefined
  return [signature.header, ...(timestamp === undefined ? [] : [timestamp])]
}
const nameOf = (headers: Record<string, string>, lower: string): string =>
  Object.keys(headers).find((each) => each.toLowerCase() === lower) ?? lower
const headerOf = (headers: Record<string, string>, lower: string): string =>
  headers[nameOf(headers, lower)] ?? ''
