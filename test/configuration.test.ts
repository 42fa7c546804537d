import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createConfiguration, publish } from '../lambdas/core/configuration.ts'
import type { Table } from '../lambdas/core/ports.ts'
import { toolDefinition, userDataApi } from '../schemas/tenant-apis.ts'
import { type Door, noon, startDoor } from './receiving.ts'

let door: Door
beforeAll(async () => {
  door = await startDoor()
})
afterAll(() => door.close())

let tenants = 0
const newTenant = (): string => `tenant-${tenants++}`
const tool = (name: string, description = 'Looks up one order.') => ({
  kind: 'tool' as const,
  id: name,
  definition: {
    name,
    description,
    effect: 'read',
    request: { url: 'https://api.acme.com/x' },
    parameters: { type: 'object' },
  },
})
const save = (tenant: string, definitions: Parameters<typeof publish>[2], now = noon) =>
  publish(door.configuration, tenant, definitions, 'ada', 'because', now)

/** The table, with the calls that reached it. */
function counted(): { table: Table; calls: string[] } {
  const calls: string[] = []
  const table: Table = {
    ...door.configuration,
    query: (call, query) => {
      calls.push(call)
      return door.configuration.query(call, query)
    },
    batchGet: (call, keys) => {
      calls.push(`${call} ${keys.length}`)
      return door.configuration.batchGet(call, keys)
    },
  }
  return { table, calls }
}

describe('publishing', () => {
  test('adds versions and a release, and changes nothing that was there', async () => {
    const tenant = newTenant()
    const first = await save(tenant, [tool('get_order'), tool('get_invoice')])
    const second = await save(tenant, [tool('get_order', 'Looks up an order by number.')], noon + 1)
    expect(first).toMatchObject({ release: 1, live: { 'tool#get_order': 1, 'tool#get_invoice': 1 } })
    expect(second).toEqual({
      tenant,
      release: 2,
      live: { 'tool#get_order': 2, 'tool#get_invoice': 1 },
      by: 'ada',
      at: noon + 1,
      why: 'because',
    })
    const history = await door.configuration.query('history', { pk: `T#${tenant}#config#tool#get_order` })
    expect(history.map(({ sk, by, at }) => [sk, by, at])).toEqual([
      ['v#00000001', 'ada', noon],
      ['v#00000002', 'ada', noon + 1],
    ])
    expect(await createConfiguration(door.configuration, tenant).release(1)).toEqual(first)
  })

  test('by two at the same time succeeds for one, and what it saved is what is stored', async () => {
    const tenant = newTenant()
    const texts = ['Saved by the one admin.', 'Saved by the other one.']
    const both = await Promise.allSettled(texts.map((text) => save(tenant, [tool('get_order', text)])))
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'condition_failed' },
    })
    const winner = texts[both.findIndex(({ status }) => status === 'fulfilled')]
    const [stored] = await door.configuration.query('history', { pk: `T#${tenant}#config#tool#get_order` })
    expect(stored?.definition).toMatchObject({ description: winner })
  })
})

describe('the live release', () => {
  test('is read again only when it is older than the caller allows', async () => {
    const tenant = newTenant()
    await save(tenant, [tool('get_order')])
    const { table, calls } = counted()
    const configuration = createConfiguration(table, tenant)
    expect((await configuration.live(10_000, noon))?.release).toBe(1)
    await save(tenant, [tool('get_order')])
    expect((await configuration.live(10_000, noon + 9_999))?.release).toBe(1)
    expect(calls).toEqual(['release'])
    expect((await configuration.live(10_000, noon + 10_000))?.release).toBe(2)
    await save(tenant, [tool('get_order')])
    expect((await configuration.live(0, noon + 10_000))?.release).toBe(3)
  })

  test('is undefined for a tenant that has none, and that is kept as long', async () => {
    const { table, calls } = counted()
    const configuration = createConfiguration(table, newTenant())
    expect(await configuration.live(10_000, noon)).toBeUndefined()
    expect(await configuration.live(10_000, noon + 1)).toBeUndefined()
    expect(calls).toEqual(['release'])
  })

  test('is the highest, past nine and ten', async () => {
    const tenant = newTenant()
    for (let i = 0; i < 11; i++) await save(tenant, [tool('get_order')])
    const live = await createConfiguration(door.configuration, tenant).live(0, noon)
    expect(live).toMatchObject({ release: 11, live: { 'tool#get_order': 11 } })
  })
})

describe('definitions', () => {
  test('are those of the release, whatever was published since, in one read and sorted', async () => {
    const tenant = newTenant()
    const user = {
      kind: 'user-data-api' as const,
      id: 'main',
      definition: { url: 'https://api.acme.com/user' },
    }
    const release = await save(tenant, [tool('get_order'), tool('a_tool'), user])
    await save(tenant, [tool('get_order', 'Something else entirely.'), tool('z_tool')])
    const { table, calls } = counted()
    const configuration = createConfiguration(table, tenant)
    const schemas = { tool: toolDefinition, 'user-data-api': userDataApi }

    const found = await configuration.definitions(release, schemas)
    expect(found.tool.map(({ id, definition }) => [id, definition.description])).toEqual([
      ['a_tool', 'Looks up one order.'],
      ['get_order', 'Looks up one order.'],
    ])
    expect(found['user-data-api'].map(({ definition }) => definition.maxBytes)).toEqual([16_384])
    expect(await configuration.definitions(release, schemas)).toEqual(found)
    expect(calls).toEqual(['definitions 3'])
  })

  test('by id: undefined where the release has none', async () => {
    const tenant = newTenant()
    const release = await save(tenant, [tool('get_order')])
    const configuration = createConfiguration(door.configuration, tenant)
    expect((await configuration.definition(release, 'tool', 'get_order', toolDefinition))?.name).toBe(
      'get_order',
    )
    expect(await configuration.definition(release, 'tool', 'refund', toolDefinition)).toBeUndefined()
    expect(await configuration.definition(release, 'connection', 'get_order', toolDefinition)).toBeUndefined()
  })

  test('that do not fit their schema are named by kind, id, version and path, without their values', async () => {
    const tenant = newTenant()
    const bad = tool('get_order')
    const definition = { ...bad.definition, request: { url: 'https://x', headers: { 'X-Key': 4242 } } }
    await save(tenant, [tool('get_order')])
    const release = await save(tenant, [{ ...bad, definition }])
    const reading = createConfiguration(door.configuration, tenant).definitions(release, {
      tool: toolDefinition,
    })
    await expect(reading).rejects.toMatchObject({
      code: 'bad_configuration',
      message: expect.stringMatching(
        /^tool get_order version 2 does not parse at request\.headers\.X-Key: (?!.*4242)/,
      ),
    })
  })

  test('of another tenant are refused even under our own key', async () => {
    const [mine, theirs] = [newTenant(), newTenant()]
    const release = await save(mine, [tool('get_order')])
    await save(theirs, [tool('get_order', 'A secret of somebody else.')])
    const [row] = await door.configuration.query('steal', { pk: `T#${theirs}#config#tool#get_order` })
    const key = { pk: `T#${mine}#config#tool#get_order`, sk: 'v#00000001' }
    await door.configuration.put('swap', { ...row, ...key })
    const reading = createConfiguration(door.configuration, mine).definitions(release, {
      tool: toolDefinition,
    })
    await expect(reading).rejects.toMatchObject({ code: 'bad_configuration' })
  })

  test('that are released and not stored are an error, not a gap', async () => {
    const tenant = newTenant()
    const release = await save(tenant, [tool('get_order')])
    const configuration = createConfiguration(door.configuration, tenant)
    const dangling = { ...release, live: { 'tool#get_order': 7 } }
    await expect(configuration.definitions(dangling, { tool: toolDefinition })).rejects.toMatchObject({
      code: 'bad_configuration',
      message: 'tool get_order version 7 is released but not stored',
    })
    await expect(configuration.release(9)).rejects.toMatchObject({ code: 'bad_configuration' })
  })
})
