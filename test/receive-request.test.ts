import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { commentAdded } from './fixtures/zendesk-webhooks.ts'
import { type Door, signature, signed, startDoor, timestampHeader, v1, v2 } from './receiving.ts'

let door: Door
let id: string
beforeAll(async () => {
  door = await startDoor()
  id = (await door.connect()).id
})
afterAll(() => door.close())

/** What the front door makes of an event: its status, and whether a ticket was rung. */
async function send(event: unknown) {
  const { receive, ports, lines } = door.process()
  const { statusCode } = await receive(event)
  return { status: statusCode, rung: ports.includes('conversations.ring'), cause: lines.at(-1)?.cause, ports }
}
const accepted = { status: 200, rung: true }
const json = JSON.stringify(commentAdded({ ticketId: '5158' }))
const mebibyte = 1_048_576

/** A genuine event body of exactly so many bytes. */
function sized(bytes: number): string {
  const empty = JSON.stringify(commentAdded({ ticketId: '5158', text: '' }))
  return JSON.stringify(
    commentAdded({
      ticketId: '5158',
      eventId: JSON.parse(empty).id,
      text: 'x'.repeat(bytes - Buffer.byteLength(empty)),
    }),
  )
}

describe('the signature holds over the bytes as they were sent', () => {
  const bodies: [string, string | Buffer][] = [
    ['plain', json],
    ['with escapes for what is not ASCII', json.replace('é', '\\u00e9').replace('😕', '\\ud83d\\ude15')],
    [
      'with line ends and trailing spaces',
      `${JSON.stringify(JSON.parse(json), null, 2).replaceAll('\n', '\r\n')} \r\n\t `,
    ],
    ['with a byte order mark', `\ufeff${json}`],
    ['with duplicate keys', json.replace('{', '{"type":"zen:event-type:x",')],
    ['in base64', Buffer.from(json)],
    ['in base64 with a byte order mark', Buffer.from(`\ufeff${json}`)],
  ]
  test.each(bodies)('%s', async (_name, body) => {
    expect(await send(v2(id, body, signed(body)))).toMatchObject(accepted)
    expect(await send(v1(id, body, signed(body)))).toMatchObject(accepted)
  })

  test('bytes that are not UTF-8 are verified as bytes and then set aside', async () => {
    const body = Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from([0xff, 0xfe, 0x7d])])
    expect(await send(v2(id, body, signed(body)))).toMatchObject({
      status: 200,
      rung: false,
      cause: 'not_utf8',
    })
    const asText = body.toString('utf8')
    expect(await send(v2(id, asText, signed(body)))).toMatchObject({ status: 401 })
  })

  test('text that is marked as base64, and base64 that is marked as text, are refused', async () => {
    const encoded = Buffer.from(json).toString('base64')
    expect(await send({ ...v2(id, json, signed(json)), isBase64Encoded: true })).toMatchObject({
      status: 401,
    })
    expect(await send(v2(id, encoded, signed(json)))).toMatchObject({ status: 401 })
  })
})

describe('headers', () => {
  const headers = signed(json)
  const sig = headers[signature] ?? ''
  const at = headers[timestampHeader] ?? ''

  test.each([
    ['lower', (name: string) => name.toLowerCase()],
    ['upper', (name: string) => name.toUpperCase()],
    ['as the vendor writes them', (name: string) => name],
  ])('names in %s case', async (_name, change) => {
    const changed = { [change(signature)]: sig, [change(timestampHeader)]: at }
    expect(await send(v1(id, json, changed))).toMatchObject(accepted)
  })

  test('a signature or timestamp that is given twice is refused, the same or not', async () => {
    const twice = [
      v1(id, json, { [signature]: [sig, sig], [timestampHeader]: at }),
      v1(id, json, { [signature]: ['x', sig], [timestampHeader]: at }),
      v1(id, json, { [signature]: sig, [timestampHeader]: [at, at] }),
      v1(id, json, { [signature]: sig, [signature.toLowerCase()]: sig, [timestampHeader]: at }),
      v2(id, json, { [signature]: `${sig},${sig}`, [timestampHeader]: at }),
      v2(id, json, { [signature]: `x,${sig}`, [timestampHeader]: at }),
      v2(id, json, { [signature]: sig, [timestampHeader]: `${at},${at}` }),
    ]
    for (const event of twice) expect(await send(event)).toMatchObject({ status: 401, rung: false })
  })

  test('an encoded body is refused before anything is looked up', async () => {
    for (const encoding of ['gzip', 'identity, gzip', 'br']) {
      const refused = await send(v2(id, json, { ...headers, 'Content-Encoding': encoding }))
      expect(refused).toMatchObject({ status: 415, ports: [] })
    }
    expect(await send(v2(id, json, { ...headers, 'Content-Encoding': 'Identity' }))).toMatchObject(accepted)
  })
})

describe('size and kind', () => {
  test('a body of exactly 1 MiB is accepted', async () => {
    const body = sized(mebibyte)
    expect(Buffer.byteLength(body)).toBe(mebibyte)
    expect(await send(v2(id, body, signed(body)))).toMatchObject(accepted)
  })
  test.each([mebibyte + 1, 6 * mebibyte])('%i bytes are 413 before anything is looked up', async (bytes) => {
    const body = sized(bytes)
    expect(await send(v2(id, body, signed(body)))).toMatchObject({ status: 413, ports: [] })
    expect(await send(v1(id, Buffer.from(body), signed(body)))).toMatchObject({ status: 413, ports: [] })
  })
  test('eighty thousand keys are read', async () => {
    const many = Object.fromEntries(Array.from({ length: 80_000 }, (_, n) => [`k${n}`, 0]))
    const body = JSON.stringify({ ...JSON.parse(json), many })
    expect(await send(v2(id, body, signed(body)))).toMatchObject(accepted)
  })
  test('32 levels are read, also where brackets stand in text', async () => {
    const deep = `{"deep":${'['.repeat(31)}${']'.repeat(31)},"text":"${'[{'.repeat(100)}\\"${'['.repeat(100)}",${json.slice(1)}`
    expect(await send(v2(id, deep, signed(deep)))).toMatchObject(accepted)
  })
  test('__proto__ changes nothing', async () => {
    const body = `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},${json.slice(1)}`
    expect(await send(v2(id, body, signed(body)))).toMatchObject(accepted)
    expect('polluted' in {}).toBe(false)
  })

  test('HEAD is 200, for any path and without a look at anything: it is how a helpdesk finds the URL', async () => {
    for (const connection of [id, 'nobody', '']) {
      expect(await send(v2(connection, '', {}, 'HEAD'))).toMatchObject({ status: 200, ports: [] })
      expect(await send(v1(connection, '', {}, 'HEAD'))).toMatchObject({ status: 200, ports: [] })
    }
  })

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS', 'post'])('%s is 405', async (method) => {
    expect(await send(v2(id, json, signed(json), method))).toMatchObject({ status: 405, ports: [] })
    expect(await send(v1(id, json, signed(json), method))).toMatchObject({ status: 405, ports: [] })
  })

  const { resource: _, ...withoutResource } = v1('x', json, {})
  test.each([
    ['nothing', undefined],
    ['an object', {}],
    ['an SQS event', { Records: [{ body: json }] }],
    ['an event of a load balancer', { ...withoutResource, requestContext: { elb: {} } }],
    ['a payload of version 3', { ...v2('x', json, {}), version: '3.0' }],
    ['a body that is not text', { ...v2('x', json, {}), body: { a: 1 } }],
    ['a body of an unknown encoding', { ...v2('x', json, {}), isBase64Encoded: undefined }],
  ])('%s is 400', async (_name, event) => {
    expect(await send(event)).toMatchObject({ status: 400, ports: [] })
  })
})
