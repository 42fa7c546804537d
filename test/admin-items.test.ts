import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type AdminWorld, readTool, startAdminWorld, writeTool } from './admin-world.ts'

let world: AdminWorld
beforeAll(async () => {
  world = await startAdminWorld()
  await world.enrol('acme', 'edda', 'editor')
  await world.enrol('acme', 'anna', 'approver')
  await world.enrol('acme', 'ben', 'approver')
  await world.enrol('acme', 'adam', 'admin')
})
afterAll(() => world.close())

const base = '/admin/tenants/acme'
const why = 'because'
const pointers = (body: { errors: { pointer?: string }[] }) => body.errors.map(({ pointer }) => pointer)

describe('a tool', () => {
  test('is saved as a draft, read, listed and changed, and every version is kept', async () => {
    const edda = world.as('edda')
    const created = await edda.post(`${base}/tools`, { definition: readTool, why: 'First version' })
    expect(created).toMatchObject({
      status: 201,
      etag: '"1"',
      body: { id: 'get_parcel', version: 1, by: expect.stringContaining('edda') },
    })
    expect(created.headers.get('location')).toBe(
      'https://deskhand.acme.com/admin/tenants/acme/tools/get_parcel',
    )

    const patched = await edda.patch(
      `${base}/tools/get_parcel`,
      { patch: { timeoutMs: 5000 }, why: 'It is quick' },
      { ifMatch: '"1"' },
    )
    expect(patched).toMatchObject({ status: 200, etag: '"2"', body: { definition: { timeoutMs: 5000 } } })

    const read = await edda.get(`${base}/tools/get_parcel`)
    expect(read.body).toMatchObject({ version: 2, why: 'It is quick', problems: [] })
    expect(read.body.live).toBeUndefined()
    expect((await edda.get(`${base}/tools/get_parcel?version=1`)).body.definition.timeoutMs).toBe(10_000)

    const listed = await edda.get(`${base}/tools`)
    expect(listed.body.items).toMatchObject([{ id: 'get_parcel', version: 2 }])
    const versions = await edda.get(`${base}/tools/get_parcel/versions`)
    expect(
      versions.body.items.map(({ version, why }: { version: number; why: string }) => [version, why]),
    ).toEqual([
      [2, 'It is quick'],
      [1, 'First version'],
    ])
    const diff = await edda.get(`${base}/tools/get_parcel/diff?from=1&to=2`)
    expect(diff.body.changes).toEqual([{ pointer: '#/timeoutMs', before: 10_000, after: 5000 }])
  })

  test('that is there already is not created again', async () => {
    const again = await world.as('edda').post(`${base}/tools`, { definition: readTool, why })
    expect(again).toMatchObject({ status: 409, body: { type: 'urn:deskhand:problem:exists' } })
  })

  test('is not changed without If-Match, nor by one who read an older version', async () => {
    const edda = world.as('edda')
    const body = { definition: readTool, why }
    expect(await edda.put(`${base}/tools/get_parcel`, body)).toMatchObject({ status: 428 })
    expect(await edda.put(`${base}/tools/get_parcel`, body, { ifMatch: '"1"' })).toMatchObject({
      status: 412,
      etag: '"2"',
      body: { type: 'urn:deskhand:problem:changed' },
    })
    expect(await edda.put(`${base}/tools/get_parcel`, body, { ifMatch: 'W/"2"' })).toMatchObject({
      status: 412,
    })
  })

  test('of two editors who save at the same time, one is told to read again', async () => {
    const tag = (await world.as('edda').get(`${base}/tools/get_parcel`)).etag ?? ''
    const bodies = ['Hers, and long enough', 'His, and long enough'].map((description) => ({
      definition: { ...readTool, description },
      why,
    }))
    const [hers, his] = await Promise.all([
      world.as('edda').put(`${base}/tools/get_parcel`, bodies[0], { ifMatch: tag }),
      world.as('anna').put(`${base}/tools/get_parcel`, bodies[1], { ifMatch: tag }),
    ])
    expect([hers.status, his.status].sort()).toEqual([200, 412])
    const kept = (await world.as('edda').get(`${base}/tools/get_parcel`)).body.definition.description
    expect(kept).toBe(
      hers.status === 200 ? bodies[0]?.definition.description : bodies[1]?.definition.description,
    )
  })

  test('with mistakes is refused, each with its place and what would be right', async () => {
    const wrong = await world.as('edda').post(`${base}/tools`, {
      definition: { ...readTool, name: 'Get Parcel', effect: 'reed', timeoutMs: 1 },
      why,
    })
    expect(wrong).toMatchObject({ status: 422, type: 'application/problem+json' })
    expect(pointers(wrong.body)).toEqual([
      '#/definition/name',
      '#/definition/effect',
      '#/definition/timeoutMs',
    ])
  })

  test.each([
    'https://127.0.0.1/x',
    'http://api.acme.com/x',
    'https://169.254.169.254/latest/meta-data',
    'https://deskhand.acme.com/admin',
    'https://localhost/x',
    'https://api.acme.com:8443/x',
  ])('that would call %s is not even saved', async (url) => {
    const refused = await world.as('edda').post(`${base}/tools`, {
      definition: {
        ...readTool,
        name: 'odd',
        request: { method: 'GET', url },
        parameters: { type: 'object' },
      },
      why,
    })
    expect(refused.status).toBe(422)
    expect(pointers(refused.body)).toContain('#/definition/request/url')
  })

  test('that is used is not deleted, and who uses it is said', async () => {
    const edda = world.as('edda')
    const task = {
      name: 'find_parcel',
      description: 'The customer asks where a parcel is.',
      examples: ['Where is it?', 'Not here yet'],
      steps: ['Look it up with {{get_parcel}}.'],
    }
    expect((await edda.post(`${base}/tasks`, { definition: task, why })).status).toBe(201)
    const refused = await edda.delete(`${base}/tools/get_parcel?why=${why}`, undefined, { ifMatch: '*' })
    expect(refused).toMatchObject({ status: 409, body: { users: ['task find_parcel'] } })
    expect(
      (await edda.delete(`${base}/tasks/find_parcel?why=${why}`, undefined, { ifMatch: '"1"' })).status,
    ).toBe(204)
    expect((await edda.get(`${base}/tasks/find_parcel`)).status).toBe(404)
  })
})

describe('publishing', () => {
  test('makes the version live that was looked at, and no other', async () => {
    const edda = world.as('edda')
    // The first tool calls a host that nothing called before, so an approver publishes it.
    const refused = await edda.post(`${base}/tools/get_parcel/publish`, { why }, { ifMatch: '"3"' })
    expect(refused).toMatchObject({ status: 403, body: { type: 'urn:deskhand:problem:not_allowed' } })
    expect(
      await world.as('ben').post(`${base}/tools/get_parcel/publish`, { why }, { ifMatch: '"2"' }),
    ).toMatchObject({
      status: 412,
    })
    const published = await world
      .as('ben')
      .post(`${base}/tools/get_parcel/publish`, { why }, { ifMatch: '"3"' })
    expect(published).toMatchObject({ status: 200, body: { release: 1, changed: ['tool#get_parcel'] } })
    expect((await edda.get(`${base}/tools/get_parcel`)).body).toMatchObject({ version: 3, live: 3 })
    expect(
      await world.as('ben').post(`${base}/tools/get_parcel/publish`, { why }, { ifMatch: '"3"' }),
    ).toMatchObject({
      status: 409,
    })
  })

  test('of what is not risky is for an editor, too', async () => {
    const edda = world.as('edda')
    await edda.patch(`${base}/tools/get_parcel`, { patch: { timeoutMs: 6000 }, why }, { ifMatch: '"3"' })
    expect(await edda.post(`${base}/tools/get_parcel/publish`, { why }, { ifMatch: '"4"' })).toMatchObject({
      status: 200,
    })
  })

  test('of a write tool needs an approver who wrote none of it, however it was wrapped', async () => {
    const anna = world.as('anna')
    expect((await anna.post(`${base}/tools`, { definition: writeTool, why })).status).toBe(201)
    const own = await anna.post(`${base}/tools/cancel_order/publish`, { why }, { ifMatch: '"1"' })
    expect(own).toMatchObject({ status: 403, body: { type: 'urn:deskhand:problem:needs_another' } })
    expect(own.body.errors).toEqual([{ detail: 'tool cancel_order: publishes a write tool' }])
    // An editor's harmless change on top does not make it somebody else's.
    await world
      .as('edda')
      .patch(`${base}/tools/cancel_order`, { patch: { timeoutMs: 9000 }, why }, { ifMatch: '"1"' })
    expect(await anna.post(`${base}/tools/cancel_order/publish`, { why }, { ifMatch: '"2"' })).toMatchObject({
      status: 403,
    })
    expect(await anna.post(`${base}/releases`, { why }, { ifMatch: '"2"' })).toMatchObject({ status: 403 })
    expect(
      await world.as('ben').post(`${base}/tools/cancel_order/publish`, { why }, { ifMatch: '"2"' }),
    ).toMatchObject({
      status: 200,
    })
  })

  test('switching a write tool off is quick, switching it on again is not', async () => {
    const edda = world.as('edda')
    await edda.patch(`${base}/tools/cancel_order`, { patch: { enabled: false }, why }, { ifMatch: '"2"' })
    expect(await edda.post(`${base}/tools/cancel_order/publish`, { why }, { ifMatch: '"3"' })).toMatchObject({
      status: 200,
    })
    await edda.patch(`${base}/tools/cancel_order`, { patch: { enabled: true }, why }, { ifMatch: '"3"' })
    expect(await edda.post(`${base}/tools/cancel_order/publish`, { why }, { ifMatch: '"4"' })).toMatchObject({
      status: 403,
    })
  })

  test('is refused where something is missing, naming what and where', async () => {
    const edda = world.as('edda')
    const definition = { ...readTool, name: 'get_bill', authorization: 'bills' }
    const saved = await edda.post(`${base}/tools`, { definition, why })
    expect(saved).toMatchObject({ status: 201 })
    expect(pointers({ errors: saved.body.problems })).toEqual(['#/definition/authorization'])
    const refused = await world.as('ben').post(`${base}/tools/get_bill/publish`, { why }, { ifMatch: '"1"' })
    expect(refused).toMatchObject({ status: 422 })
    expect(refused.body.errors).toEqual([
      {
        detail: expect.stringContaining('tool get_bill: there is no authorization bills'),
        pointer: '#/definition/authorization',
      },
    ])
  })

  test('pointing a tool at another host asks for the secret again', async () => {
    const [edda, adam, ben] = [world.as('edda'), world.as('adam'), world.as('ben')]
    const authorization = { name: 'bills', type: 'bearer', secret: 'bills-token' }
    await edda.post(`${base}/authorizations`, { definition: authorization, why })
    const all = (version = 1) => {
      const items = [
        { kind: 'authorization', id: 'bills', version: 1 },
        { kind: 'tool', id: 'get_bill', version },
      ]
      return ben.post(`${base}/releases`, { why, items }, { ifMatch: '*' })
    }
    expect(await all()).toMatchObject({
      status: 422,
      body: { errors: [{ detail: expect.stringContaining('there is no secret bills-token') }] },
    })
    const enter = (hosts: string[]) =>
      adam.put(`${base}/secrets/outbound/bills-token`, { value: 'canary-bills-4b', hosts, why })
    expect(await enter(['api.acme.com'])).toMatchObject({ status: 200 })
    expect(await all()).toMatchObject({ status: 200 })
    await edda.patch(
      `${base}/tools/get_bill`,
      { patch: { request: { url: 'https://api.attacker.com/parcels/{number}' } }, why },
      { ifMatch: '"1"' },
    )
    expect(await all(2)).toMatchObject({
      status: 422,
      body: {
        errors: [
          {
            detail: expect.stringContaining('not bound to api.attacker.com'),
            pointer: '#/definition/request/url',
          },
        ],
      },
    })
    await edda.patch(
      `${base}/tools/get_bill`,
      { patch: { request: { url: readTool.request.url } }, why },
      { ifMatch: '"2"' },
    )
  })

  test('two who publish at the same time do not lose each other', async () => {
    const tag = (await world.as('ben').get(`${base}/releases`)).etag ?? ''
    const [edda, ben] = [world.as('edda'), world.as('ben')]
    const article = (id: string) => ({ definition: { id, title: id, text: 'Text' }, why })
    await Promise.all([
      edda.post(`${base}/articles`, article('one')),
      ben.post(`${base}/articles`, article('two')),
    ])
    const [a, b] = await Promise.all(
      [edda, ben].map((who, i) =>
        who.post(`${base}/articles/${i === 0 ? 'one' : 'two'}/publish`, { why }, { ifMatch: '"1"' }),
      ),
    )
    const late = [a, b].filter((each) => each?.status === 412)
    expect([a, b].filter((each) => each?.status === 200).length + late.length).toBe(2)
    const release = (await ben.get(`${base}/releases`)).body.items[0]
    const livePublished = ['article#one', 'article#two'].filter((name) => name in release.live)
    expect(livePublished.length).toBe(2 - late.length)
    expect(Number(tag.replaceAll('"', ''))).toBeLessThan(release.release)
  })

  test('what was deleted is there no more once that is published, and rolling back brings it back', async () => {
    const edda = world.as('edda')
    await edda.post(`${base}/articles`, { definition: { id: 'gone', title: 'Gone', text: 'Text' }, why })
    await edda.post(`${base}/articles/gone/publish`, { why }, { ifMatch: '"1"' })
    const with_ = (await edda.get(`${base}/releases`)).body.items[0]
    expect(with_.live).toMatchObject({ 'article#gone': 1 })
    await edda.delete(`${base}/articles/gone?why=${why}`, undefined, { ifMatch: '"1"' })
    expect(await edda.post(`${base}/articles/gone/publish`, { why }, { ifMatch: '"2"' })).toMatchObject({
      status: 200,
    })
    const without = (await edda.get(`${base}/releases`)).body.items[0]
    expect(Object.keys(without.live)).not.toContain('article#gone')
    const diff = await edda.get(`${base}/releases/${without.release}/diff`)
    expect(diff.body.items).toMatchObject([{ of: 'article gone', changes: [{ pointer: '#' }] }])
    const back = await edda.post(
      `${base}/releases/${with_.release}/rollback`,
      { why },
      { ifMatch: `"${without.release}"` },
    )
    expect(back).toMatchObject({ status: 200, body: { changed: ['article#gone'] } })
    expect((await edda.get(`${base}/releases`)).body.items[0].live).toEqual(with_.live)
    expect(await edda.post(`${base}/releases/1/rollback`, { why }, { ifMatch: '"1"' })).toMatchObject({
      status: 412,
    })
  })
})

describe('an editor alone', () => {
  const publish = (path: string, version: number) =>
    world.as('edda').post(`${base}/${path}/publish`, { why }, { ifMatch: `"${version}"` })
  const create = (definition: object) => world.as('edda').post(`${base}/tools`, { definition, why })

  test('makes no read of what changes something', async () => {
    const method = (name: string, method: string) => ({
      ...readTool,
      name,
      request: { ...readTool.request, method },
    })
    expect(await create(method('remove_parcel', 'DELETE'))).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '#/definition/request/method' }] },
    })
    expect((await create(method('find_parcel', 'POST'))).status).toBe(201)
    expect((await publish('tools/find_parcel', 1)).status).toBe(403)
    const sent = { arguments: { number: '1' }, customer: { level: 'none' }, send: 'call' }
    expect((await world.as('edda').post(`${base}/tools/find_parcel/test`, sent)).status).toBe(403)
  })

  test('makes no host known by a tool that is switched off', async () => {
    const request = { method: 'GET', url: 'https://api.attacker.com/{number}' }
    await create({ ...readTool, name: 'off_parcel', request, enabled: false })
    expect((await publish('tools/off_parcel', 1)).status).toBe(403)
  })

  test('lends no helpdesk’s credential to a tool, not even to try it', async () => {
    const edda = world.as('edda')
    await edda.post(`${base}/connections`, {
      definition: {
        id: 'acme.borrowed00000000000000',
        helpdesk: 'freshdesk',
        inbound: [{ secret: 'w' }],
        domain: 'acme',
        botUserId: '1',
        apiKey: 'desk-key',
        supportAddresses: ['support@acme.com'],
      },
      why,
    })
    await edda.post(`${base}/connections/acme.borrowed00000000000000/publish`, { why }, { ifMatch: '"1"' })
    await edda.post(`${base}/authorizations`, {
      definition: { name: 'mine', type: 'bearer', secret: 'desk-key' },
      why,
    })
    expect((await edda.post(`${base}/authorizations/mine/test`, {})).status).toBe(404)
    const refused = await world
      .as('ben')
      .post(`${base}/authorizations/mine/publish`, { why }, { ifMatch: '"1"' })
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: expect.arrayContaining([expect.objectContaining({ pointer: '#/definition/secret' })]) },
    })
    await edda.delete(`${base}/authorizations/mine?why=${why}`, undefined, { ifMatch: '"1"' })
  })
})

test('what is a risk is published by name: nothing that was saved unseen comes with it', async () => {
  const ben = world.as('ben')
  const unseen = await ben.post(`${base}/releases`, { why }, { ifMatch: '*' })
  expect(unseen).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining('Name what you have looked at') },
  })
  const { body } = await ben.get(`${base}/releases/drafts`)
  expect(body.items).toContainEqual({ kind: 'tool', id: 'find_parcel', version: 1 })
  expect(body.changes.length).toBeGreaterThan(0)
})

describe('a connection', () => {
  const connection = {
    id: 'acme.Jk3vT0s9bQ2mXw7LrZ5eYA',
    helpdesk: 'freshdesk',
    inbound: [{ secret: 'freshdesk-webhook' }],
    domain: 'acme',
    botUserId: '101',
    apiKey: 'freshdesk-key',
    supportAddresses: ['support@acme.com'],
  }
  test('in note mode is published by an editor; to reply, to attest and to name approvers takes another approver', async () => {
    const edda = world.as('edda')
    const url = `${base}/connections/${connection.id}`
    expect(await edda.post(`${base}/connections`, { definition: connection, why })).toMatchObject({
      status: 201,
    })
    expect(await edda.post(`${url}/publish`, { why }, { ifMatch: '"1"' })).toMatchObject({ status: 200 })
    let version = 1
    for (const patch of [
      { mode: 'reply' },
      { attestations: { ccsOff: true } },
      { approvers: ['7'] },
      { supportAddresses: ['support@attacker.com'] },
      { domain: 'attacker' },
    ]) {
      await edda.patch(url, { patch, why }, { ifMatch: `"${version}"` })
      version += 1
      const publish = { ifMatch: `"${version}"` }
      expect([patch, (await edda.post(`${url}/publish`, { why }, publish)).status]).toEqual([patch, 403])
      await edda.put(url, { definition: connection, why }, publish)
      version += 1
    }
    await edda.patch(url, { patch: { mode: 'reply' }, why }, { ifMatch: `"${version}"` })
    expect(
      await world.as('ben').post(`${url}/publish`, { why }, { ifMatch: `"${version + 1}"` }),
    ).toMatchObject({ status: 200 })
  })

  test('of another tenant cannot be made here', async () => {
    const refused = await world.as('edda').post(`${base}/connections`, {
      definition: { ...connection, id: 'bolt.Jk3vT0s9bQ2mXw7LrZ5eYA' },
      why,
    })
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/definition/id' }] } })
  })

  test('of a helpdesk that is not there is refused, naming those that are', async () => {
    const refused = await world
      .as('edda')
      .post(`${base}/connections`, { definition: { helpdesk: 'jira' }, why })
    expect(refused.body.errors).toEqual([
      { detail: 'one of zendesk, intercom, gorgias, hubspot, freshdesk', pointer: '#/definition/helpdesk' },
    ])
  })
})

describe('secrets', () => {
  test('go in and never come out, of any answer, row, log line or entry of the audit', async () => {
    const [adam, edda] = [world.as('adam'), world.as('edda')]
    const value = 'canary-secret-9d2f-value'
    const entered = await adam.put(`${base}/secrets/inbound/zendesk-webhook`, { value, why })
    expect(entered).toMatchObject({ status: 200, body: { direction: 'inbound', name: 'zendesk-webhook' } })
    expect(world.aws.secrets()['deskhand/acme/inbound/zendesk-webhook']).toBe(JSON.stringify({ value }))
    const wrong = await adam.put(`${base}/secrets/outbound/zendesk-client`, { value, why })
    expect(wrong).toMatchObject({ status: 422 })
    const answers = [
      entered,
      wrong,
      await edda.get(`${base}/secrets`),
      await edda.get(`${base}/audit`),
      await edda.get(`${base}/audit?limit=1`),
    ]
    expect(answers[2]?.body.items.length).toBe(2)
    const told = [
      ...answers.map(({ text }) => text),
      JSON.stringify(world.lines),
      JSON.stringify(await world.rows()),
    ]
    for (const text of told) {
      expect(text).not.toContain('canary-secret')
      expect(text).not.toContain('canary-bills')
    }
  })

  test.each([['169.254.169.254'], ['localhost'], ['deskhand.acme.com'], ['a b']])(
    'are not bound to %s',
    async (host) => {
      const refused = await world
        .as('adam')
        .put(`${base}/secrets/outbound/x`, { value: 'v', hosts: [host], why })
      expect(refused).toMatchObject({ status: 422 })
    },
  )

  test("of Deskhand's own are not entered", async () => {
    const refused = await world
      .as('adam')
      .put(`${base}/secrets/outbound/grant-x`, { value: 'v', hosts: ['api.acme.com'], why })
    expect(refused.status).toBe(422)
  })
})

test('the audit names who asked for what, why, and how it ended', async () => {
  const { body } = await world.as('edda').get(`${base}/audit?limit=100`)
  const of = (action: string, status: number, who: string) =>
    body.items.find(
      (entry: { action: string; status: number; by: string }) =>
        entry.action === action && entry.status === status && entry.by === `${world.issuer}|${who}`,
    )
  expect(of('createTool', 201, 'anna')).toMatchObject({
    role: 'approver',
    why,
    result: { version: 1 },
  })
  expect(of('publishTool', 403, 'edda')).toMatchObject({ about: { tenant: 'acme' } })
  const ats = body.items.map(({ id }: { id: string }) => id)
  expect(ats).toEqual([...ats].sort().reverse())
  const pages: string[] = []
  let cursor: string | undefined
  do {
    const page = await world
      .as('edda')
      .get(`${base}/audit?limit=7${cursor === undefined ? '' : `&cursor=${cursor}`}`)
    pages.push(...page.body.items.map(({ id }: { id: string }) => id))
    cursor = page.body.next
  } while (cursor !== undefined)
  expect(pages.length).toBeGreaterThan(40)
  expect(new Set(pages).size).toBe(pages.length)
})
