/** Says who may call the admin API for every tenant. It writes with the AWS credentials of the shell: the API itself cannot. */
import { randomBytes } from 'node:crypto'
import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import { iamIssuer, identityKey } from '../lambdas/admin/principal.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import type { Table } from '../lambdas/core/ports.ts'
import { identity, operator, operatorChange, operatorHistoryPk, operatorsPk, why } from '../schemas/admin.ts'
import { runCommand } from './run-command.ts'

const usage = `npm run operators -- list   --table <name>
npm run operators -- add    --table <name> --issuer <issuer> --subject <subject> --name <who> --why <reason>
npm run operators -- remove --table <name> --issuer <issuer> --subject <subject> --why <reason>

  An operator may call the admin API for every tenant. It counts with the next call.
  --table <name>       the output ConfigurationTable of the stack
  --issuer <issuer>    the output AdminIssuer, to the letter; "iam" for a role or user of this account
  --subject <subject>  the "sub" of their tokens; for iam the ARN of the role or user
  --name <who>         for people who read the list
  --why <reason>       stands in the history
  --history            lists who became or stopped being one, and why (with list)
  --endpoint <url>     another DynamoDB
`

/** A role's path is not in what AWS says of its sessions, by which a caller is known. */
const iamSubject = /^arn:aws[a-z-]*:iam::\d{12}:(role\/[\w+=,.@-]{1,64}|user\/[\w+=,.@/-]{1,576})$/
const who = identity
  .extend({
    issuer: z
      .string()
      .regex(
        /^(iam|https:\/\/[^\s]{1,290})$/,
        'the https:// URL that stands in "iss", to the letter, or iam',
      ),
    subject: z.string().regex(/^[^\s]{1,300}$/, 'what stands in "sub", without spaces'),
  })
  .refine(({ issuer, subject }) => issuer !== iamIssuer || iamSubject.test(subject), {
    path: ['subject'],
    message:
      'arn:aws:iam::<account>:role/<name>, without the path of the role and without a session, or arn:aws:iam::<account>:user/<name>',
  })
const change = z.object({ why })
const commands = {
  list: z.object({}),
  add: who.safeExtend({ ...change.shape, name: operator.shape.name }),
  remove: who.safeExtend(change.shape),
}
type Flags = { table: string; endpoint?: string | undefined } & (
  | { command: 'list'; history: boolean }
  | { command: 'add'; given: z.infer<typeof commands.add> }
  | { command: 'remove'; given: z.infer<typeof commands.remove> }
)

/** Exit codes: 0 done, 1 AWS or the table says no, 2 wrong usage. */
async function main(): Promise<number> {
  const flags = readFlags()
  if (flags === 'help') {
    process.stdout.write(usage)
    return 0
  }
  if (flags === undefined) return 2
  const client = new DynamoDBClient(flags.endpoint === undefined ? {} : { endpoint: flags.endpoint })
  const table = createTable(client, flags.table, 'operators', (_port, call) => call())
  if (flags.command === 'list') return flags.history ? await history(table) : await list(table)
  return flags.command === 'add' ? await add(table, flags.given) : await remove(table, flags.given)
}

async function list(table: Table): Promise<number> {
  const rows = await table.query('list', { pk: operatorsPk })
  for (const row of rows) {
    const { name, issuer, subject, by, at } = operator.parse(row)
    process.stdout.write(`${name}\n  ${issuer}\n  ${subject}\n  by ${by}, ${day(at)}\n`)
  }
  if (rows.length === 0) process.stdout.write('There is no operator: add one.\n')
  return 0
}

async function history(table: Table): Promise<number> {
  for (const row of await table.query('history', { pk: operatorHistoryPk })) {
    const { did, name, issuer, subject, by, at, why } = operatorChange.parse(row)
    process.stdout.write(`${day(at)} ${did} ${name} (${issuer} ${subject}) by ${by}: ${why}\n`)
  }
  return 0
}

async function add(table: Table, given: z.infer<typeof commands.add>): Promise<number> {
  const { why, ...whom } = given
  const row = { ...whom, by: userInfo().username, at: Date.now() }
  await note(table, { did: 'add', ...row, why })
  await table.put('add', { pk: operatorsPk, sk: identityKey(whom), ...row })
  process.stdout.write(`${whom.name} is an operator.\n`)
  return 0
}

async function remove(table: Table, given: z.infer<typeof commands.remove>): Promise<number> {
  const { why, issuer, subject } = given
  const key = { pk: operatorsPk, sk: identityKey({ issuer, subject }) }
  const found = await table.get('find', key)
  if (found === undefined) {
    process.stderr.write(
      'There is no such operator: "list" shows issuer and subject of each, to the letter.\n',
    )
    return 1
  }
  const { name } = operator.parse(found)
  await note(table, { did: 'remove', issuer, subject, name, by: userInfo().username, at: Date.now(), why })
  await table.delete('remove', key)
  process.stdout.write(
    `${name} is no operator any more. A role in a tenant is another row: ask its admins.\n`,
  )
  return 0
}

/** Before it is done, so that nobody has rights of which nothing is known. */
async function note(table: Table, done: z.infer<typeof operatorChange>): Promise<void> {
  const sk = `${String(done.at).padStart(13, '0')}#${randomBytes(9).toString('base64url')}`
  await table.put('note', { pk: operatorHistoryPk, sk, ...done }, { condition: 'attribute_not_exists(pk)' })
}

const day = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ')

function readFlags(): Flags | 'help' | undefined {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        table: { type: 'string' },
        issuer: { type: 'string' },
        subject: { type: 'string' },
        name: { type: 'string' },
        why: { type: 'string' },
        endpoint: { type: 'string' },
        history: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return 'help'
    const { table, endpoint, history, issuer, subject, name, why } = values
    const [command, ...more] = positionals
    if (more.length > 0 || (command !== 'list' && command !== 'add' && command !== 'remove'))
      throw new Error('say one of list, add and remove')
    if (table === undefined) throw new Error('--table: the output ConfigurationTable of the stack')
    if (command === 'list') return { command, table, endpoint, history }
    if (command === 'add')
      return { command, table, endpoint, given: parse(commands.add, { issuer, subject, name, why }) }
    return { command, table, endpoint, given: parse(commands.remove, { issuer, subject, why }) }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return undefined
  }
}

function parse<S extends z.ZodType>(schema: S, given: Record<string, unknown>): z.output<S> {
  const parsed = schema.safeParse(given, {
    error: ({ input }) => (input === undefined ? 'it is missing' : undefined),
  })
  if (parsed.success) return parsed.data
  throw new Error(
    parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`).join('\n'),
  )
}

runCommand(main)
