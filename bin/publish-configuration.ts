/** Checks a tenant's configuration file and, with --live, publishes it as one release. */
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { createSecrets } from '../lambdas/core/aws/secrets.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { checkConfiguration, type Definition } from '../lambdas/core/check-configuration.ts'
import { checkConnections } from '../lambdas/core/check-connections.ts'
import { publish } from '../lambdas/core/configuration.ts'
import { createEgress } from '../lambdas/core/egress/egress.ts'
import { DeskhandError } from '../lambdas/core/errors.ts'
import { createLog } from '../lambdas/core/log.ts'
import type { Io } from '../lambdas/core/ports.ts'
import { scheduleReconcile } from '../lambdas/core/reconcile.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'
import type { ConnectionBase } from '../schemas/connection.ts'
import { tenantId } from '../schemas/names.ts'
import { runCommand } from './run-command.ts'

const usage = `npm run publish-configuration -- --tenant <id> --file <file.json> [flags]

  The file is checked. With the AWS credentials of your shell:
  --check-connections      asks each helpdesk with the stored credentials what is missing; writes nothing
  --live                   publishes the file as one release; what it does not name is live no more
  --why <reason>           stands in the history (with --live)
  --table <name>           the output ConfigurationTable of the stack (with --live)
  --conversations <name>   the output ConversationsTable: where each connection's reconciling is scheduled (with --live)
  --endpoint <url>         another DynamoDB
`

/** Exit codes: 0 done, 1 the file or AWS says no, 2 wrong usage. */
async function main(): Promise<number> {
  const flags = readFlags()
  if (flags === 'help') {
    process.stdout.write(usage)
    return 0
  }
  if (flags === undefined) return 2
  const connectionSchemas = Object.fromEntries(
    Object.values(helpdesks).map(({ name, connection }) => [name, connection]),
  )
  const checked = checkConfiguration(flags.tenant, readJson(flags.file), connectionSchemas)
  if (!checked.ok) {
    for (const { path, message } of checked.problems) process.stderr.write(`  ${path}: ${message}\n`)
    process.stderr.write(`${flags.file}: ${checked.problems.length} to mend, nothing was published\n`)
    return 1
  }
  for (const { kind, id } of checked.definitions) process.stdout.write(`  ${kind} ${id}\n`)
  if (!checked.definitions.some(({ kind }) => kind === 'connection')) {
    process.stderr.write(`${flags.file} has no connection: published, it would switch everything off\n`)
    return 1
  }
  if (flags.checkConnections && !(await connectionsWork(flags.tenant, checked.definitions))) return 1
  if (!flags.live) {
    process.stdout.write(
      `${flags.file} is right. Nothing was published: add --live --table <name> --conversations <name>\n`,
    )
    return 0
  }
  const client = new DynamoDBClient(flags.endpoint === undefined ? {} : { endpoint: flags.endpoint })
  const table = createTable(client, flags.table, 'configuration', (_port, call) => call())
  const by = userInfo().username
  const { release } = await publish(table, flags.tenant, checked.definitions, by, flags.why, Date.now(), {
    replace: true,
  })
  const conversations = createTable(client, flags.conversations, 'conversations', (_port, call) => call())
  for (const { kind, definition } of checked.definitions)
    if (kind === 'connection')
      await scheduleReconcile(conversations, definition as ConnectionBase, Date.now())
  process.stdout.write(`Release ${release} of ${flags.tenant} is live within 10 seconds\n`)
  return 0
}

/** Prints what each helpdesk says; true when nothing is missing. */
async function connectionsWork(tenant: string, definitions: Definition[]): Promise<boolean> {
  const clock = { now: () => Date.now() }
  const io: Io = (_port, call) => call()
  const client = new SecretsManagerClient({})
  const checked = await checkConnections(helpdesks, definitions, {
    http: createEgress({ tenant, io }),
    secrets: createSecrets({ client, tenant, direction: 'outbound', clock, io }),
    now: clock.now,
    log: createLog({ write: (line) => process.stderr.write(`${line}\n`), clock }),
  })
  for (const { connectionId, findings } of checked) {
    process.stdout.write(`\n${connectionId}\n`)
    for (const { what, ok, message } of findings)
      process.stdout.write(`  ${ok ? '✓' : '✗'} ${what}: ${message}\n`)
  }
  return checked.every(({ findings }) => findings.every(({ ok }) => ok))
}

function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        tenant: { type: 'string' },
        file: { type: 'string' },
        why: { type: 'string' },
        table: { type: 'string' },
        conversations: { type: 'string' },
        endpoint: { type: 'string' },
        live: { type: 'boolean', default: false },
        'check-connections': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return 'help' as const
    const { tenant, file, why, live, endpoint } = values
    if (!tenantId.safeParse(tenant).success)
      throw new Error('--tenant: 3 to 36 lower-case letters, digits or hyphens')
    if (file === undefined) throw new Error('--file: which file?')
    if (live && why === undefined) throw new Error('--why: the reason stands in the history')
    if (live && values.table === undefined)
      throw new Error('--table: the output ConfigurationTable of the stack')
    if (live && values.conversations === undefined)
      throw new Error('--conversations: the output ConversationsTable of the stack')
    const checkConnections = values['check-connections']
    return {
      tenant: tenant ?? '',
      file,
      why: why ?? '',
      live,
      checkConnections,
      table: values.table ?? '',
      conversations: values.conversations ?? '',
      endpoint,
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return undefined
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new DeskhandError(
      'bad_configuration',
      `${file}: ${error instanceof Error ? error.message : 'unreadable'}`,
    )
  }
}

runCommand(main)
