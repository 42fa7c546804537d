import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { answerRuntime, cloudAnswerRuntime } from '../lambdas/core/aws/answer-runtime.ts'
import { cloudReceiveRuntime } from '../lambdas/core/aws/receive-runtime.ts'
import { createSecretStore } from '../lambdas/core/aws/secret-store.ts'
import { cloudSweeperRuntime } from '../lambdas/core/aws/sweeper-runtime.ts'
import { perTenant, tenantCredentials } from '../lambdas/core/aws/tenant-session.ts'
import type { Io, Place } from '../lambdas/core/ports.ts'
import { type AwsEndpoint, startAwsEndpoint } from '../local/aws-endpoint.ts'
import { type LocalTables, startTables, tableNames } from '../local/tables.ts'

const clock = { time: Date.now(), now: () => clock.time }
const io: Io = (_port, call) => call()

let aws: AwsEndpoint
let tables: LocalTables
let sts: STSClient
let keyId: string
let queueUrl: string
beforeAll(async () => {
  aws = await startAwsEndpoint({ clock })
  tables = await startTables()
  keyId = aws.createKey('content')
  queueUrl = aws.createQueue('zendesk')
  sts = new STSClient(own())
  for (const tenant of ['acme', 'acme2']) {
    aws.putSecret(`deskhand/${tenant}/outbound/shop`, { value: `key of ${tenant}` })
    aws.putSecret(`deskhand/${tenant}/inbound/zendesk`, { value: `webhook secret of ${tenant}` })
  }
})
afterAll(async () => {
  sts.destroy()
  await Promise.all([aws.close(), tables.close()])
})
const own = () => ({ endpoint: aws.url, region: 'local', credentials: aws.credentials, maxAttempts: 1 })
const sessionOf = (tenant: string) => ({
  ...own(),
  credentials: tenantCredentials({ sts, roleArn: aws.roleArn, tenant, clock, io }),
})
const denied = expect.objectContaining({ name: 'AccessDeniedException' })

describe("a tenant's session", () => {
  test("reads its own outbound secret, no other tenant's, none of webhooks and none outside", async () => {
    const client = new SecretsManagerClient(sessionOf('acme'))
    const read = (id: string) => client.send(new GetSecretValueCommand({ SecretId: id }))
    expect((await read('deskhand/acme/outbound/shop')).SecretString).toContain('key of acme')
    for (const id of [
      'deskhand/acme2/outbound/shop',
      'deskhand/acme2/outbound/none',
      'deskhand/acme/inbound/zendesk',
      'deskhand/anthropic',
    ]) {
      await expect(read(id)).rejects.toEqual(denied)
    }
    const value = { SecretString: 'x' }
    const write = new CreateSecretCommand({ Name: 'deskhand/acme/outbound/mine', ...value })
    await expect(client.send(write)).rejects.toEqual(denied)
    const over = new PutSecretValueCommand({ SecretId: 'deskhand/acme/outbound/shop', ...value })
    await expect(client.send(over)).rejects.toEqual(denied)
  })

  test('overwrites its own refresh tokens, and makes none', async () => {
    const admin = new SecretsManagerClient(own())
    for (const tenant of ['acme', 'acme2'])
      aws.putSecret(`deskhand/${tenant}/outbound/grant-shop`, { refreshToken: 'first' })
    await admin.send(new CreateSecretCommand({ Name: 'deskhand/acme/outbound/grant-odd', SecretString: '1' }))
    const client = new SecretsManagerClient(sessionOf('acme'))
    const store = createSecretStore({ client, tenant: 'acme', io })
    await store.write('grant-shop', { refreshToken: 'second' })
    expect(aws.secrets()['deskhand/acme/outbound/grant-shop']).toBe('{"refreshToken":"second"}')
    for (const name of ['grant-odd', 'grant-none', 'shop', '../acme2/outbound/grant-shop'])
      await expect(store.write(name, 'x')).rejects.toMatchObject({ code: 'bad_configuration' })
    const foreign = createSecretStore({ client, tenant: 'acme2', io })
    await expect(foreign.write('grant-shop', 'x')).rejects.toMatchObject({ code: 'bad_configuration' })
    const creating = createSecretStore({ client: admin, tenant: 'acme', createWith: { kmsKeyId: 'k' }, io })
    await creating.write('grant-new', 'made')
    await store.write('grant-new', 'overwritten')
    expect(aws.secrets()['deskhand/acme/outbound/grant-new']).toBe('"overwritten"')
  })

  test("does not read a secret under its name that is tagged as another tenant's", async () => {
    await new SecretsManagerClient(own()).send(
      new CreateSecretCommand({
        Name: 'deskhand/acme/outbound/odd',
        SecretString: '1',
        Tags: [{ Key: 'tenant', Value: 'acme2' }],
      }),
    )
    const client = new SecretsManagerClient(sessionOf('acme'))
    const read = new GetSecretValueCommand({ SecretId: 'deskhand/acme/outbound/odd' })
    await expect(client.send(read)).rejects.toEqual(denied)
  })

  test("makes and opens data keys in its own encryption context, not in another tenant's or in none", async () => {
    const [acme, other] = ['acme', 'acme2'].map((tenant) => new KMSClient(sessionOf(tenant)))
    const make = (EncryptionContext?: Record<string, string>) =>
      new GenerateDataKeyCommand({
        KeyId: keyId,
        KeySpec: 'AES_256',
        ...(EncryptionContext && { EncryptionContext }),
      })
    const made = await acme?.send(make({ tenant: 'acme' }))
    await expect(acme?.send(make({ tenant: 'acme2' }))).rejects.toEqual(denied)
    await expect(acme?.send(make())).rejects.toEqual(denied)

    const CiphertextBlob = made?.CiphertextBlob ?? new Uint8Array()
    const open = (tenant: string) => new DecryptCommand({ CiphertextBlob, EncryptionContext: { tenant } })
    expect((await acme?.send(open('acme')))?.Plaintext).toEqual(made?.Plaintext)
    await expect(other?.send(open('acme'))).rejects.toEqual(denied)
    await expect(other?.send(open('acme2'))).rejects.toMatchObject({ name: 'InvalidCiphertextException' })
  })

  test('sends no messages and becomes no other tenant', async () => {
    const send = new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'x' })
    await expect(new SQSClient(sessionOf('acme')).send(send)).rejects.toEqual(denied)
    const assume = new AssumeRoleCommand({
      RoleArn: aws.roleArn,
      RoleSessionName: 'x',
      Tags: [{ Key: 'tenant', Value: 'acme2' }],
    })
    await expect(new STSClient(sessionOf('acme')).send(assume)).rejects.toMatchObject({
      name: 'AccessDenied',
    })
  })

  test('is not given without a tenant, or for longer than an hour', async () => {
    const input = { RoleArn: aws.roleArn, RoleSessionName: 'x' }
    await expect(sts.send(new AssumeRoleCommand(input))).rejects.toMatchObject({ name: 'AccessDenied' })
    const long = { ...input, DurationSeconds: 3_601, Tags: [{ Key: 'tenant', Value: 'acme' }] }
    await expect(sts.send(new AssumeRoleCommand(long))).rejects.toMatchObject({ name: 'ValidationError' })
  })

  test('is one for all its clients, renewed ten minutes before its end, and useless after it', async () => {
    aws.calls.length = 0
    const assumed = () => aws.calls.filter((call) => call === 'sts.AssumeRole').length
    const credentials = tenantCredentials({ sts, roleArn: aws.roleArn, tenant: 'acme', clock, io })
    const [first, same] = await Promise.all([credentials(), credentials()])
    expect(same).toBe(first)
    clock.time += 50 * 60_000 - 1_000
    expect(await credentials()).toBe(first)
    expect(assumed()).toBe(1)
    clock.time += 2_000
    expect(await credentials()).not.toBe(first)
    expect(assumed()).toBe(2)

    clock.time += 10 * 60_000
    const stale = new SecretsManagerClient({ ...own(), credentials: first })
    const read = new GetSecretValueCommand({ SecretId: 'deskhand/acme/outbound/shop' })
    await expect(stale.send(read)).rejects.toMatchObject({ name: 'ExpiredTokenException' })
  })

  test('that could not be had is asked for again', async () => {
    let down = true
    const flaky: Io = (_port, call) => (down ? Promise.reject(new Error('down')) : call())
    const credentials = tenantCredentials({ sts, roleArn: aws.roleArn, tenant: 'acme', clock, io: flaky })
    await expect(credentials()).rejects.toMatchObject({ code: 'unavailable' })
    down = false
    expect(await credentials()).toMatchObject({ accessKeyId: expect.stringMatching(/^ASIA/) })
  })
})

test('of more than 100 tenants the one used longest ago is closed, and opened again when needed', () => {
  const closed: string[] = []
  const opened: string[] = []
  const tenants = perTenant((tenant) => {
    opened.push(tenant)
    return { value: tenant, close: () => closed.push(tenant) }
  })
  for (let n = 0; n < 100; n += 1) tenants(`t${n}`)
  expect(tenants('t0')).toBe('t0')
  expect(closed).toEqual([])
  tenants('t100')
  expect(closed).toEqual(['t1'])
  tenants('t1')
  expect(closed).toEqual(['t1', 't2'])
  expect(opened).toHaveLength(102)
})

describe('the runtime of answer', () => {
  const place: Place = { pk: 'T#acme#ticket#c#1', sk: 'answer#1', field: 'body' }
  const runtime = () =>
    answerRuntime({
      aws: {
        endpoint: aws.url,
        dynamoEndpoint: tables.url,
        region: 'local',
        credentials: aws.credentials,
      },
      clock,
      tableNames,
      queueUrl,
      keyId,
      identityKeyArn: aws.createSigningKey('identity'),
      publicUrl: 'https://hooks.acme.com',
      roleArn: aws.roleArn,
      anthropic: { apiKey: 'key' },
    })

  test('gives each tenant its own secrets and vault, the same for every turn', async () => {
    const answer = runtime()
    const acme = await answer.forTenant('acme')
    const other = await answer.forTenant('acme2')
    expect(await answer.forTenant('acme')).toBe(acme)
    expect(await acme.secrets.read('shop')).toEqual({ value: 'key of acme' })
    expect(await other.secrets.read('shop')).toEqual({ value: 'key of acme2' })
    const sealed = await acme.vault.seal(place, 'text')
    expect(await acme.vault.open(place, sealed)).toBe('text')
    await expect(other.vault.open(place, sealed)).rejects.toMatchObject({ code: 'bad_configuration' })
    expect(await acme.vault.hmac('x')).not.toBe(await other.vault.hmac('x'))
  })

  test.each(['', '*', 'acme#x', 'ACME', '../acme'])('refuses %p as a tenant', async (tenant) => {
    await expect(runtime().forTenant(tenant)).rejects.toMatchObject({ code: 'bad_configuration' })
  })
})

describe('a runtime in Lambda', () => {
  const variables = {
    CONVERSATIONS_TABLE: 'c',
    CONFIGURATION_TABLE: 'k',
    QUEUE_URL: 'https://sqs.local/q',
    PUBLIC_URL: 'https://hooks.deskhand.example',
    QUEUE_URLS: '{"zendesk":"https://sqs.local/q"}',
    CONTENT_KEY_ID: 'key',
    TENANT_ROLE_ARN: 'role',
    ANTHROPIC_SECRET_ID: 'secret',
    OWN_HOSTS: 'deskhand.example.com',
    IDENTITY_KEY_ARN: 'key/1',
    AWS_REGION: 'eu-central-1',
  }
  const withEnvironment = (changes: Record<string, string | undefined>, run: () => void) => {
    const before = { ...process.env }
    Object.assign(process.env, variables)
    for (const name of Object.keys(changes)) delete process.env[name]
    try {
      run()
    } finally {
      for (const name of Object.keys(variables)) delete process.env[name]
      Object.assign(process.env, before)
    }
  }
  test('is built from the variables that the stack sets', () => {
    withEnvironment({}, () => {
      expect(() => [cloudReceiveRuntime(), cloudAnswerRuntime(), cloudSweeperRuntime()]).not.toThrow()
      expect(() => cloudSweeperRuntime().queue('zendesk')).not.toThrow()
      expect(() => cloudSweeperRuntime().queue('constructor')).toThrow(/constructor/)
    })
  })

  test.each([
    ['CONVERSATIONS_TABLE', cloudReceiveRuntime],
    ['CONFIGURATION_TABLE', cloudReceiveRuntime],
    ['QUEUE_URL', cloudReceiveRuntime],
    ['PUBLIC_URL', cloudReceiveRuntime],
    ['CONTENT_KEY_ID', cloudAnswerRuntime],
    ['TENANT_ROLE_ARN', cloudAnswerRuntime],
    ['IDENTITY_KEY_ARN', cloudAnswerRuntime],
    ['PUBLIC_URL', cloudAnswerRuntime],
    ['ANTHROPIC_SECRET_ID', cloudAnswerRuntime],
    ['QUEUE_URLS', cloudSweeperRuntime],
  ])('names %s when it is missing', (name, build: () => unknown) => {
    withEnvironment({ [name]: undefined }, () => expect(build).toThrow(new RegExp(`${name} is not set`)))
  })
})
