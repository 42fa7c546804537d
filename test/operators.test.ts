/** The command that says who operates, as it is run, and what the admin API makes of its rows. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { isOperator } from '../lambdas/admin/access.ts'
import { principal, principalOf } from '../lambdas/admin/principal.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import type { Table } from '../lambdas/core/ports.ts'
import { type LocalTables, startTables, tableNames } from '../local/tables.ts'
import { operatorHistoryPk } from '../schemas/admin.ts'

const issuer = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example'
const ada = { issuer, subject: '0b9d1c1e-6a5b-4a0e-9b7f-3a2f0f0f0f0f' }

const local = { AWS_REGION: 'local', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }
let tables: LocalTables
let table: Table
beforeAll(async () => {
  tables = await startTables()
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const client = new DynamoDBClient({ endpoint: tables.url, region: 'local', credentials })
  table = createTable(client, tableNames.configuration, 'own', (_port, call) => call())
})
afterAll(() => tables.close())

/** Runs the command as an operator would. */
const run = (...flags: string[]) =>
  new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    const args = ['bin/operators.ts', '--table', tableNames.configuration, '--endpoint', tables.url, ...flags]
    const options = { cwd: join(__dirname, '..'), env: { ...process.env, ...local } }
    execFile(process.execPath, args, options, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    )
  })
const named = (whom: { issuer: string; subject: string }) => [
  '--issuer',
  whom.issuer,
  '--subject',
  whom.subject,
]
const add = (whom: { issuer: string; subject: string }, name = 'Ada') =>
  run('add', ...named(whom), '--name', name, '--why', 'runs Deskhand')

test('who was added is an operator, and nobody whose issuer or subject is another', async () => {
  expect(await add(ada)).toMatchObject({ code: 0, err: '' })
  expect(await isOperator(table, principal(ada))).toBe(true)
  for (const other of [
    { ...ada, issuer: `${issuer}/` },
    { ...ada, issuer: 'https://evil.example' },
    { ...ada, subject: 'another' },
  ])
    expect(await isOperator(table, principal(other))).toBe(false)
  const { out } = await run('list')
  expect(out).toContain(`Ada\n  ${ada.issuer}\n  ${ada.subject}\n`)
})

test('who was removed is none with the next call, and the history says both and why', async () => {
  await add(ada)
  expect(await run('remove', ...named(ada), '--why', 'left the company')).toMatchObject({ code: 0, err: '' })
  expect(await isOperator(table, principal(ada))).toBe(false)
  const { out } = await run('list', '--history')
  expect(out).toMatch(/add Ada \(.*\) by .*: runs Deskhand\n/)
  expect(out).toMatch(/remove Ada \(.*\) by .*: left the company\n$/)
  expect((await run('list')).out).toBe('There is no operator: add one.\n')
})

test('a role of this account is one in each of its sessions, and no other role is', async () => {
  await add({ issuer: 'iam', subject: 'arn:aws:iam::111122223333:role/Ci' }, 'The pipeline')
  const by = (userArn: string) => {
    const who = principalOf({ authorizer: { iam: { userArn } } })
    return who === undefined ? false : isOperator(table, who)
  }
  expect(await by('arn:aws:sts::111122223333:assumed-role/Ci/run-1')).toBe(true)
  expect(await by('arn:aws:sts::111122223333:assumed-role/Ci2/run-1')).toBe(false)
  expect(await by('arn:aws:sts::444455556666:assumed-role/Ci/run-1')).toBe(false)
  expect(await by('arn:aws:iam::111122223333:user/Ci')).toBe(false)
})

test.each<[string, string[], string]>([
  ['no reason', ['add', ...named(ada), '--name', 'Ada'], '--why: it is missing'],
  ['no name', ['add', ...named(ada), '--why', 'because'], '--name: it is missing'],
  [
    'an issuer without https',
    ['add', ...named({ ...ada, issuer: 'http://x.example' })],
    '--issuer: the https:// URL',
  ],
  [
    'a session in place of its role',
    [
      'remove',
      ...named({ issuer: 'iam', subject: 'arn:aws:sts::111122223333:assumed-role/Ci/x' }),
      '--why',
      'xxx',
    ],
    '--subject: arn:aws:iam::<account>:role/<name>',
  ],
  [
    'a role with its path, which no caller has',
    ['remove', ...named({ issuer: 'iam', subject: 'arn:aws:iam::111122223333:role/ci/Ci' }), '--why', 'xxx'],
    'without the path of the role',
  ],
  ['no command', [], 'say one of list, add and remove'],
  ['an unknown flag', ['list', '--force'], '--force'],
])('%s is wrong usage: nothing is written, and it says what is right', async (_what, flags, says) => {
  const before = await table.query('history', { pk: operatorHistoryPk })
  const { code, err } = await run(...flags)
  expect(code).toBe(2)
  expect(err).toContain(says)
  expect(await table.query('history', { pk: operatorHistoryPk })).toEqual(before)
})

test('removing somebody who is none is told, and is no history', async () => {
  const before = await table.query('history', { pk: operatorHistoryPk })
  const { code, err } = await run('remove', ...named({ ...ada, subject: 'nobody' }), '--why', 'tidying up')
  expect(code).toBe(1)
  expect(err).toContain('There is no such operator')
  expect(await table.query('history', { pk: operatorHistoryPk })).toEqual(before)
})

test('a table that is not there is told by its cause', async () => {
  const { code, err } = await run('list', '--table', 'nowhere')
  expect(code).toBe(1)
  expect(err).toMatch(/operators\.list.*not found/i)
})
