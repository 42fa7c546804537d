import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { STSClient } from '@aws-sdk/client-sts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createSecretNames } from '../lambdas/core/aws/secret-names.ts'
import { createSecrets } from '../lambdas/core/aws/secrets.ts'
import { tenantCredentials } from '../lambdas/core/aws/tenant-session.ts'
import type { Io } from '../lambdas/core/ports.ts'
import { type AwsEndpoint, startAwsEndpoint } from '../local/aws-endpoint.ts'

const clock = { time: 0, now: () => clock.time }
const plain: Io = (_port, call) => call()
let aws: AwsEndpoint
let client: SecretsManagerClient
beforeAll(async () => {
  aws = await startAwsEndpoint()
})
afterAll(() => aws.close())
beforeEach(() => {
  clock.time = 1_000_000
  aws.calls.length = 0
  client = new SecretsManagerClient({ endpoint: aws.url, region: 'local', credentials: aws.credentials })
})
afterEach(() => client.destroy())
const secretsOf = (tenant: string, direction: 'inbound' | 'outbound' = 'outbound', io = plain) =>
  createSecrets({ client, tenant, direction, clock, io })

describe('names of secrets', () => {
  const namesOf = (tenant: string, deletes = client) =>
    createSecretNames({ lists: client, deletes, tenant, io: plain })
  /** A session for a tenant, of the role of jobs or of `answer`. */
  async function sessionOf(tenant: string, RoleArn: string): Promise<SecretsManagerClient> {
    const sts = new STSClient({ endpoint: aws.url, region: 'local', credentials: aws.credentials })
    const credentials = await tenantCredentials({ sts, roleArn: RoleArn, tenant, clock: Date, io: plain })()
    sts.destroy()
    return new SecretsManagerClient({ endpoint: aws.url, region: 'local', credentials })
  }

  test('are those of one tenant, both directions, over all pages', async () => {
    for (let n = 0; n < 230; n++) aws.putSecret(`deskhand/many/outbound/s${n}`, n)
    aws.putSecret('deskhand/many/inbound/hook', 1)
    aws.putSecret('deskhand/many2/inbound/hook', 1)
    const names = await namesOf('many').list()
    expect(names).toHaveLength(231)
    expect(names.every((name) => name.startsWith('deskhand/many/'))).toBe(true)
    expect(aws.calls.filter((call) => call === 'secretsmanager.ListSecrets')).toHaveLength(3)
  })

  test('are deleted for good, once or twice', async () => {
    aws.putSecret('deskhand/leaving/inbound/hook', 1)
    const deletes = await sessionOf('leaving', aws.jobsRoleArn)
    for (let times = 0; times < 2; times++)
      await namesOf('leaving', deletes).delete('deskhand/leaving/inbound/hook')
    expect(await namesOf('leaving').list()).toEqual([])
    deletes.destroy()
  })

  test('of another tenant are not deleted, nor any by a session of answer, and jobs read none', async () => {
    aws.putSecret('deskhand/staying/outbound/shop', 1)
    const others = await sessionOf('leaving', aws.jobsRoleArn)
    const answers = await sessionOf('staying', aws.roleArn)
    const own = await sessionOf('staying', aws.jobsRoleArn)
    for (const deletes of [others, answers])
      await expect(
        namesOf('staying', deletes).delete('deskhand/staying/outbound/shop'),
      ).rejects.toMatchObject({ code: 'bad_configuration' })
    expect(await namesOf('staying').list()).toHaveLength(1)
    const read = createSecrets({ client: own, tenant: 'staying', direction: 'outbound', clock, io: plain })
    expect(await read.read('shop')).toBeUndefined()
    for (const each of [others, answers, own]) each.destroy()
  })
})

describe('secrets', () => {
  test('are the JSON of deskhand/<tenant>/<direction>/<name>, one for each tenant and direction', async () => {
    aws.putSecret('deskhand/acme/outbound/shop', { value: 'acme out', hosts: ['shop.acme.com'] })
    aws.putSecret('deskhand/acme/inbound/shop', { value: 'acme in' })
    aws.putSecret('deskhand/globex/outbound/shop', { value: 'globex out' })
    expect(await secretsOf('acme').read('shop')).toEqual({ value: 'acme out', hosts: ['shop.acme.com'] })
    expect(await secretsOf('acme', 'inbound').read('shop')).toEqual({ value: 'acme in' })
    expect(await secretsOf('globex').read('shop')).toEqual({ value: 'globex out' })
  })

  test('are kept for five minutes and then read again; fresh reads at once', async () => {
    const secrets = secretsOf('acme')
    aws.putSecret('deskhand/acme/outbound/kept', 1)
    expect(await secrets.read('kept')).toBe(1)
    aws.putSecret('deskhand/acme/outbound/kept', 2)
    clock.time += 5 * 60_000 - 1
    expect(await secretsOf('acme').read('kept')).toBe(1)
    clock.time += 1
    expect(await secrets.read('kept')).toBe(2)
    aws.putSecret('deskhand/acme/outbound/kept', 3)
    expect(await secrets.read('kept', { fresh: true })).toBe(3)
    expect(await secrets.read('kept')).toBe(3)
    expect(aws.calls).toHaveLength(3)
  })

  test('that are missing are believed to be for ten seconds', async () => {
    const secrets = secretsOf('acme')
    expect(await secrets.read('new')).toBeUndefined()
    aws.putSecret('deskhand/acme/outbound/new', 1)
    clock.time += 9_999
    expect(await secrets.read('new')).toBeUndefined()
    clock.time += 1
    expect(await secrets.read('new')).toBe(1)
  })

  test('are read once by those who ask at the same time', async () => {
    aws.putSecret('deskhand/acme/outbound/once', 1)
    const secrets = secretsOf('acme')
    expect(await Promise.all([1, 2, 3].map(() => secrets.read('once')))).toEqual([1, 1, 1])
    expect(aws.calls).toHaveLength(1)
  })

  test('a slow old read does not replace what a fresh one brought', async () => {
    aws.putSecret('deskhand/acme/outbound/raced', 'old')
    let finish = (): void => {}
    const held = new Promise<void>((done) => {
      finish = done
    })
    const slow: Io = async (_port, call) => {
      const result = await call()
      await held
      return result
    }
    const old = secretsOf('acme', 'outbound', slow).read('raced')
    while (aws.calls.length === 0) await new Promise((done) => setTimeout(done, 1))
    aws.putSecret('deskhand/acme/outbound/raced', 'new')
    expect(await secretsOf('acme').read('raced', { fresh: true })).toBe('new')
    finish()
    await old
    expect(await secretsOf('acme').read('raced')).toBe('new')
  })

  test('a caller who changes what it was given changes nothing for others', async () => {
    aws.putSecret('deskhand/acme/outbound/shared', { hosts: ['a.com'] })
    const secrets = secretsOf('acme')
    ;((await secrets.read('shared')) as { hosts: string[] }).hosts.push('evil.com')
    expect(await secrets.read('shared')).toEqual({ hosts: ['a.com'] })
  })

  test('a secret that is not JSON is bad_configuration, and the error does not quote it', async () => {
    const id = 'deskhand/acme/outbound/plain'
    await client.send(new CreateSecretCommand({ Name: id, SecretString: 'hunter2-hunter2' }))
    const error = await secretsOf('acme')
      .read('plain')
      .catch((problem: unknown) => problem)
    expect(error).toMatchObject({ code: 'bad_configuration', message: expect.stringContaining('Store it') })
    expect(JSON.stringify([String(error), (error as Error).cause])).not.toContain('hunter2')
  })

  test('a failure is not kept', async () => {
    aws.putSecret('deskhand/acme/outbound/shaky', 1)
    const down: Io = () => Promise.reject(new Error('down'))
    await expect(secretsOf('acme', 'outbound', down).read('shaky')).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(await secretsOf('acme').read('shaky')).toBe(1)
  })

  test('of other credentials are not shared: each client has its own', async () => {
    aws.putSecret('deskhand/acme/outbound/mine', 1)
    expect(await secretsOf('acme').read('mine')).toBe(1)
    const { accessKeyId } = aws.credentials
    client = new SecretsManagerClient({
      endpoint: aws.url,
      region: 'local',
      credentials: { accessKeyId: `${accessKeyId}-stranger`, secretAccessKey: 'x' },
    })
    await expect(secretsOf('acme').read('mine')).rejects.toMatchObject({ code: 'bad_configuration' })
  })
})
