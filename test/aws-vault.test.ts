import { randomBytes } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createTable } from '../lambdas/core/aws/table.ts'
import { createVault } from '../lambdas/core/aws/vault.ts'
import type { Io, Place, Table, Vault } from '../lambdas/core/ports.ts'
import { type AwsEndpoint, startAwsEndpoint } from '../local/aws-endpoint.ts'
import { type LocalTables, startTables, tableNames } from '../local/tables.ts'

const clock = { time: 0, now: () => clock.time }
const plain: Io = (_port, call) => call()
const place: Place = { pk: 'T#acme#ticket#c#1', sk: 'answer#1', field: 'body' }

let aws: AwsEndpoint
let tables: LocalTables
let kms: KMSClient
let dynamo: DynamoDBClient
let configuration: Table
let keyId: string
beforeAll(async () => {
  aws = await startAwsEndpoint()
  tables = await startTables()
  keyId = aws.createKey('content')
  const common = { region: 'local', credentials: aws.credentials, maxAttempts: 1 }
  kms = new KMSClient({ ...common, endpoint: aws.url })
  dynamo = new DynamoDBClient({ ...common, endpoint: tables.url })
  configuration = createTable(dynamo, tableNames.configuration, 'configuration', plain)
})
afterAll(async () => {
  kms.destroy()
  dynamo.destroy()
  await Promise.all([aws.close(), tables.close()])
})
beforeEach(() => {
  clock.time = 1_000_000
  aws.calls.length = 0
})
const vaultOf = (tenant: string, io: Io = plain, table: Table = configuration): Vault =>
  createVault({ kms, keyId, tenant, configuration: table, clock, random: randomBytes, io })
const refused = expect.objectContaining({ code: 'bad_configuration' })

describe('a sealed text', () => {
  test('opens in its place, in this process and in another, and does not show the text', async () => {
    const text = 'Grüße, where is order 1001? 🙂'
    const vault = vaultOf('acme')
    const sealed = await vault.seal(place, text)
    expect(Buffer.from(sealed).includes('order 1001')).toBe(false)
    expect(await vault.open(place, sealed)).toBe(text)
    expect(await vaultOf('acme').open(place, sealed)).toBe(text)
    expect(await vault.open(place, await vault.seal(place, ''))).toBe('')
    expect(await vault.seal(place, text)).not.toEqual(sealed)
  })

  test.each([
    ['partition key', { ...place, pk: 'T#acme#ticket#c#2' }],
    ['sort key', { ...place, sk: 'answer#2' }],
    ['field', { ...place, field: 'result' }],
    ['boundary between its keys', { ...place, pk: 'T#acme#ticket#c#1answer#1', sk: '' }],
  ])('does not open in a row with another %s', async (_what, other) => {
    const vault = vaultOf('acme')
    await expect(vault.open(other, await vault.seal(place, 'text'))).rejects.toEqual(refused)
  })

  test('does not open for another tenant, whose vault KMS refuses the key', async () => {
    const sealed = await vaultOf('acme').seal(place, 'text')
    await expect(vaultOf('globex').open(place, sealed)).rejects.toEqual(refused)
  })

  test('does not open for another tenant that comes by the data key either', async () => {
    // KMS taken in: whatever the context, it answers acme's data key. The additional data still names the tenant.
    const ofAcme = new KMSClient({ endpoint: aws.url, region: 'local', credentials: aws.credentials })
    ofAcme.middlewareStack.add(
      (next) => (args) => {
        ;(args.input as { EncryptionContext?: object }).EncryptionContext = { tenant: 'acme' }
        return next(args)
      },
      { step: 'initialize' },
    )
    const mistaken = createVault({
      kms: ofAcme,
      keyId,
      tenant: 'globex',
      configuration,
      clock,
      random: randomBytes,
      io: plain,
    })
    await expect(mistaken.open(place, await vaultOf('acme').seal(place, 'text'))).rejects.toEqual(refused)
    ofAcme.destroy()
  })

  test('that was changed anywhere, cut or made longer does not open', async () => {
    const vault = vaultOf('acme')
    const sealed = await vault.seal(place, 'text')
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = sealed.slice()
      changed[index] = (changed[index] ?? 0) ^ 1
      await expect(vault.open(place, changed)).rejects.toEqual(refused)
    }
    for (const length of [0, 1, 2, 3, 40, sealed.length - 1]) {
      await expect(vault.open(place, sealed.slice(0, length))).rejects.toEqual(refused)
    }
    await expect(vault.open(place, new Uint8Array([...sealed, 0]))).rejects.toEqual(refused)
  })
})

describe('a data key', () => {
  const made = () => aws.calls.filter((call) => call === 'kms.GenerateDataKey').length
  test('serves a thousand seals, also those that begin at the same time', async () => {
    const vault = vaultOf('acme')
    await Promise.all(Array.from({ length: 1_000 }, () => vault.seal(place, 'text')))
    expect(made()).toBe(1)
    await vault.seal(place, 'text')
    expect(made()).toBe(2)
  })

  test('serves five minutes', async () => {
    const vault = vaultOf('acme')
    await vault.seal(place, 'text')
    clock.time += 5 * 60_000 - 1
    await vault.seal(place, 'text')
    expect(made()).toBe(1)
    clock.time += 1
    await vault.seal(place, 'text')
    expect(made()).toBe(2)
  })

  test('is decrypted once in five minutes, however many texts it sealed', async () => {
    const writer = vaultOf('acme')
    const sealed = [await writer.seal(place, 'a'), await writer.seal(place, 'b')]
    const reader = vaultOf('acme')
    const decrypted = () => aws.calls.filter((call) => call === 'kms.Decrypt').length
    for (const each of sealed) await reader.open(place, each)
    expect(decrypted()).toBe(1)
    clock.time += 5 * 60_000
    for (const each of sealed) await reader.open(place, each)
    expect(decrypted()).toBe(2)
  })

  test('that could not be had is asked for again', async () => {
    let down = true
    const vault = vaultOf('acme', (_port, call) => (down ? Promise.reject(new Error('down')) : call()))
    await expect(vault.seal(place, 'text')).rejects.toMatchObject({ code: 'unavailable' })
    down = false
    expect(await vault.open(place, await vault.seal(place, 'text'))).toBe('text')
  })
})

describe('an HMAC', () => {
  const tenant = () => `t-${randomBytes(6).toString('hex')}`
  test('is the same in every process of a tenant, and another for another tenant', async () => {
    const [one, other] = [tenant(), tenant()]
    const mac = await vaultOf(one).hmac('anna@example.com')
    expect(mac).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(await vaultOf(one).hmac('anna@example.com')).toBe(mac)
    expect(await vaultOf(one).hmac('bert@example.com')).not.toBe(mac)
    expect(await vaultOf(other).hmac('anna@example.com')).not.toBe(mac)
  })

  test("of processes that all make the tenant's key at the same time is the same", async () => {
    const one = tenant()
    let waiting = 0
    let together = (): void => {}
    const all = new Promise<void>((done) => {
      together = done
    })
    // Everybody has seen that there is no key before anybody writes one.
    const racing = createTable(dynamo, tableNames.configuration, 'configuration', async (port, call) => {
      if (port === 'configuration.make_hmac_key') {
        waiting += 1
        if (waiting === 3) together()
        await all
      }
      return call()
    })
    const macs = await Promise.all([1, 2, 3].map(() => vaultOf(one, plain, racing).hmac('x')))
    expect(waiting).toBe(3)
    expect(new Set(macs).size).toBe(1)
    expect(await vaultOf(one).hmac('x')).toBe(macs[0])
  })

  test('needs its key once per process, and only encrypted in the table', async () => {
    const one = tenant()
    const vault = vaultOf(one)
    await vault.hmac('x')
    aws.calls.length = 0
    await vault.hmac('y')
    expect(aws.calls).toEqual([])
    const row = await configuration.get('get', { pk: `T#${one}#key`, sk: 'hmac' })
    expect(Buffer.from(row?.key as Uint8Array).length).toBeGreaterThan(32)
  })

  test("cannot be made with another tenant's key row", async () => {
    const [one, thief] = [tenant(), tenant()]
    await vaultOf(one).hmac('x')
    const row = await configuration.get('get', { pk: `T#${one}#key`, sk: 'hmac' })
    await configuration.put('put', { pk: `T#${thief}#key`, sk: 'hmac', key: row?.key })
    await expect(vaultOf(thief).hmac('x')).rejects.toEqual(refused)
  })
})
