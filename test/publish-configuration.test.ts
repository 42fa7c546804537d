import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createTable } from '../lambdas/core/aws/table.ts'
import { checkConnections } from '../lambdas/core/check-connections.ts'
import { createConfiguration } from '../lambdas/core/configuration.ts'
import { createEgress } from '../lambdas/core/egress/egress.ts'
import { createLog } from '../lambdas/core/log.ts'
import { loadAgent } from '../lambdas/core/tenant-configuration.ts'
import { scheduleKey } from '../lambdas/core/ticket-key.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'
import { zendesk } from '../lambdas/zendesk/helpdesk.ts'
import { demoAuthorization, demoTools, demoUserDataApi, refundTool } from '../local/demo-data.ts'
import { type LocalTables, startTables, tableNames } from '../local/tables.ts'
import { demoConnection, demoConnectionId, demoZendesk } from '../local/zendesk/demo.ts'
import { startZendesk } from '../local/zendesk/stand-in.ts'

const shop = 'https://api.nordlicht-outdoor.com'
const { baseUrl: _, ...connection } = demoConnection('https://nordlicht-outdoor.zendesk.com')
const complete = {
  connections: [connection],
  authorizations: [demoAuthorization],
  userDataApi: demoUserDataApi(shop),
  tools: [...demoTools(shop), refundTool(shop, 'key')],
  agentSettings: { name: 'Nora' },
}

let tables: LocalTables
let directory: string
beforeAll(async () => {
  tables = await startTables()
  directory = mkdtempSync(join(tmpdir(), 'deskhand-'))
})
afterAll(async () => {
  await tables.close()
  rmSync(directory, { recursive: true })
})

/** Runs the command as an operator would. */
async function run(file: unknown, ...flags: string[]) {
  const path = join(directory, 'agent.json')
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file))
  const args = [
    'bin/publish-configuration.ts',
    '--tenant',
    'nordlicht',
    '--file',
    path,
    '--why',
    'test',
    ...flags,
  ]
  const env = {
    ...process.env,
    AWS_REGION: 'local',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  }
  return await new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: join(__dirname, '..'), env }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    )
  })
}

describe('checking connections', () => {
  const definitions = (zendeskUrl: string) => [
    {
      kind: 'connection' as const,
      id: demoConnectionId,
      definition: zendesk.connection.parse(demoConnection(zendeskUrl)),
    },
    { kind: 'tool' as const, id: 'get_order', definition: {} },
  ]

  test('asks the helpdesk with the stored credentials, and says what is missing', async () => {
    const webhook = { url: `https://d.example/webhooks/zendesk/${demoConnectionId}`, secret: 'x' }
    const standIn = await startZendesk({ webhook })
    try {
      const { host } = new URL(standIn.url)
      const allowance = { hosts: new Set([host]) }
      const check = (value: string) =>
        checkConnections(helpdesks, definitions(standIn.url), {
          http: createEgress({ tenant: 'nordlicht', io: (_port, call) => call(), allowance }),
          secrets: { read: async () => ({ value, hosts: [host] }) },
          now: Date.now,
          log: createLog({ write: () => {}, clock: { now: Date.now } }),
          allowance,
        })
      const [right] = await check(demoZendesk.clientSecret)
      expect(right?.connectionId).toBe(demoConnectionId)
      expect(right?.findings.map(({ what, ok }) => [what, ok])).toEqual([
        ['credentials', true],
        ['bot_user', true],
        ['scope', true],
        ['account', true],
        ['webhook', true],
        ['reconcile', true],
        ['hand_over', true],
      ])
      const [wrong] = await check('not the secret')
      expect(wrong?.findings).toMatchObject([{ what: 'credentials', ok: false }])
      expect(standIn.requests.every(({ method }) => method !== 'PUT')).toBe(true)
    } finally {
      await standIn.close()
    }
  })
})

describe('publishing a configuration', () => {
  test('a right file is published as one release that a turn can load', async () => {
    const { code, out, err } = await run(
      complete,
      '--live',
      '--table',
      tableNames.configuration,
      '--conversations',
      tableNames.conversations,
      '--endpoint',
      tables.url,
    )
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('Release 1 of nordlicht is live')

    const client = new DynamoDBClient({
      endpoint: tables.url,
      region: 'local',
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    })
    const table = createTable(client, tableNames.configuration, 'configuration', (_port, call) => call())
    const configuration = createConfiguration(table, 'nordlicht')
    const release = await configuration.live(0, 0)
    const agent = release && (await loadAgent(configuration, release))
    const conversations = createTable(client, tableNames.conversations, 'conversations', (_port, call) =>
      call(),
    )
    // The sweeper finds it by its index, and the helpdesk is asked what moved.
    expect(await conversations.get('look', scheduleKey(connection.id))).toMatchObject({
      due: expect.any(String),
      helpdesk: 'zendesk',
    })
    client.destroy()
    expect([...(agent?.tools.keys() ?? [])]).toEqual(['get_order', 'list_orders', 'refund_order'])
    expect(agent?.settings.name).toBe('Nora')
  })

  test('the example of the docs is right', async () => {
    const example = readFileSync(join(__dirname, '../docs/acme.example.json'), 'utf8')
    expect(await run(example, '--tenant', 'acme')).toMatchObject({ code: 0, err: '' })
  })

  test('a file that would switch everything off is refused', async () => {
    const flags = [
      '--live',
      '--table',
      tableNames.configuration,
      '--conversations',
      'c',
      '--endpoint',
      tables.url,
    ]
    expect(await run({}, ...flags)).toMatchObject({
      code: 1,
      err: expect.stringContaining('switch everything off'),
    })
  })

  test('settings that would fail later are refused now', async () => {
    const agentSettings = { timeZone: 'Mars/One', model: 'gpt-5', linkHosts: ['https://acme.com/x'] }
    const { code, err } = await run({ ...complete, agentSettings })
    expect(code).toBe(1)
    for (const path of ['agentSettings.timeZone', 'agentSettings.model', 'agentSettings.linkHosts.0']) {
      expect(err).toContain(path)
    }
  })

  test('without --live nothing is written', async () => {
    const { code, out } = await run(complete)
    expect(code).toBe(0)
    expect(out).toContain('Nothing was published')
  })

  test('every mistake is named with its path, and nothing is published', async () => {
    const wrong = {
      ...complete,
      connections: [
        { ...connection, id: 'other.demoConnection000000AA' },
        { id: 'x', helpdesk: 'helpscout' },
      ],
      userDataApi: { url: 'https://169.254.169.254/latest', authorization: 'crm' },
      tools: [
        { ...demoTools(shop)[0], authorization: 'nobody' },
        { ...refundTool(shop, 'key'), confirmText: { en: '{sum}' }, ownership: undefined },
        { ...demoTools(shop)[1], limits: { perCustomerPerDay: 3 } },
      ],
    }
    const { code, err } = await run(
      wrong,
      '--live',
      '--table',
      tableNames.configuration,
      '--conversations',
      tableNames.conversations,
      '--endpoint',
      tables.url,
    )
    expect(code).toBe(1)
    for (const path of [
      'connections.0.id',
      'connections.1.helpdesk',
      'userDataApi.url',
      'userDataApi.authorization',
      'tools.0.authorization',
      'tools.1.confirmText.en',
      'tools.1.ownership',
      'tools.2',
    ]) {
      expect(err).toContain(path)
    }
  })

  test('a file that is not JSON, a wrong tenant and a missing table are said so', async () => {
    expect(await run('{', '--live', '--table', 't', '--conversations', 'c')).toMatchObject({ code: 1 })
    expect((await run(complete, '--tenant', 'A#B')).err).toContain('--tenant')
    expect((await run(complete, '--live')).err).toContain('--table')
    expect((await run(complete, '--live', '--table', 't')).err).toContain('--conversations')
  })
})
