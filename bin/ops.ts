/** What an operator does where the console would be clumsy. docs/operations.md says when. */
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SQSClient } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { createDueIndex } from '../lambdas/core/aws/due-index.ts'
import { createQueue } from '../lambdas/core/aws/queue.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { DeskhandError } from '../lambdas/core/errors.ts'
import { dueTickets } from '../lambdas/core/operate/due-tickets.ts'
import { arnOf, countsOf, type QueuePair, redrive } from '../lambdas/core/operate/queues.ts'
import { replay } from '../lambdas/core/operate/replay.ts'
import { type Pausable, pausesOf, setPause } from '../lambdas/core/pause.ts'
import type { Io } from '../lambdas/core/ports.ts'
import { connectionId, helpdeskName, helpdeskNames, tenantId, vendorId } from '../schemas/names.ts'
import { createEventSources } from './event-sources.ts'
import { runCommand } from './run-command.ts'

const usage = `npm run ops -- <command> [flags]

  status                             queues and due tickets of each helpdesk; with --tenant, what is paused of it
  redrive --helpdesk <name>          moves the dead letters back into the queue: for finished tickets it does nothing
  replay --connection <id> --ticket <id>
                                     looks at one ticket again
  pause | resume --why <reason>      stops answering, or lets it go on, for one of
      --tenant <id>                    a tenant: its tickets wait, webhooks are taken
      --connection <id>                one connection, the same
      --helpdesk <name> or all         a helpdesk: nothing takes wake-ups from its queue

  --outputs <file>           what cdk deploy --outputs-file wrote (default outputs.json), or <directory>/outputs.json of
                             npm start -- --data <directory>
  --endpoint <url>           another AWS; --dynamo-endpoint <url>: another DynamoDB

With the AWS credentials and region of your shell. What is under way ends: a turn takes at most 3 minutes.
`

const commands = ['status', 'redrive', 'replay', 'pause', 'resume'] as const

const outputsFile = z.object({
  DeskhandStorage: z.object({ ConversationsTable: z.string(), ConfigurationTable: z.string() }),
  Deskhand: z.object({
    Queues: z
      .string()
      .transform((text) => JSON.parse(text) as unknown)
      .pipe(z.record(helpdeskName, z.object({ queue: z.string(), deadLetters: z.string() }))),
  }),
  Laptop: z.object({ Endpoint: z.string(), DynamoEndpoint: z.string() }).optional(),
})

type Flags = Exclude<ReturnType<typeof readFlags>, 'help' | undefined>
type Operator = ReturnType<typeof operatorOf>

/** Exit codes: 0 done, 1 AWS or the state of things says no, 2 wrong usage. */
async function main(): Promise<number> {
  const flags = readFlags()
  if (flags === 'help') {
    print(usage)
    return 0
  }
  if (flags === undefined) return 2
  const operator = operatorOf(flags)
  switch (flags.command) {
    case 'status':
      return await status(operator, flags)
    case 'redrive':
      return await redriveAll(operator, flags)
    case 'replay':
      return await replayOne(operator, flags)
    case 'pause':
    case 'resume':
      return await setPaused(operator, flags)
  }
}

async function status(
  { sqs, index, conversations, queues, eventSources }: Operator,
  flags: Flags,
): Promise<number> {
  const now = Date.now()
  const { byHelpdesk, more } = await dueTickets(index, conversations, now)
  const rows = await Promise.all(
    helpdeskNames.map(async (name) => {
      const pair = queues[name]
      const [main, dead] = [await countsOf(sqs, pair.queue), await countsOf(sqs, pair.deadLetters)]
      const due = byHelpdesk.get(name)
      return [
        name,
        await eventSources.state(await arnOf(sqs, pair.queue)),
        `${main.waiting + main.delayed}`,
        `${main.inFlight}`,
        `${dead.waiting + dead.inFlight}`,
        due === undefined ? '0' : `${due.count}, the oldest for ${ago(now - due.oldest)}`,
      ]
    }),
  )
  table(['helpdesk', 'wake-ups are', 'waiting', 'in flight', 'dead letters', 'tickets not settled'], rows)
  if (more) print('There are more tickets than were counted.\n')
  if (flags.tenant !== undefined) {
    const paused = await pausesOf(conversations, flags.tenant)
    if (paused.length === 0) print(`\nNothing of ${flags.tenant} is paused.\n`)
    for (const { sk, by, why, at } of paused)
      print(
        `\nPaused: ${sk === 'tenant' ? `all of ${flags.tenant}` : sk}, by ${by}, ${ago(now - at)} ago: ${why}\n`,
      )
  }
  return 0
}

async function redriveAll({ sqs, queues }: Operator, { helpdesk }: Flags): Promise<number> {
  if (helpdesk === undefined || helpdesk === 'all') return wrong('--helpdesk: which one? One at a time')
  const moved = await redrive(sqs, queues[helpdesk], (done, of) => print(`  ${done} of about ${of} moved\n`))
  print(
    moved === 0
      ? `No dead letters of ${helpdesk} to move.\n`
      : `Back in the queue of ${helpdesk}: ${moved}.\n`,
  )
  return 0
}

async function replayOne(operator: Operator, { connection, ticket }: Flags): Promise<number> {
  if (connection === undefined)
    return wrong('--connection: the id in the webhook URL, <tenant>.<22 characters>')
  if (ticket === undefined) return wrong("--ticket: the helpdesk's id of the ticket")
  const { sqs, queues, io } = operator
  const wake = { connectionId: connection, ticketId: ticket }
  const queueOf = (name: keyof typeof queues) => createQueue(sqs, queues[name].queue, io)
  const { helpdesk, heldUntil } = await replay(operator, queueOf, wake, Date.now())
  print(
    heldUntil === undefined
      ? `Ticket ${ticket} on ${helpdesk} is looked at now.\n`
      : `Ticket ${ticket} on ${helpdesk} is held or put off until ${new Date(heldUntil).toISOString()}: it is looked at then.\n`,
  )
  return 0
}

async function setPaused(operator: Operator, flags: Flags): Promise<number> {
  const { sqs, conversations, queues, eventSources } = operator
  const { why, helpdesk, tenant, connection } = flags
  const paused = flags.command === 'pause'
  if ([helpdesk, tenant, connection].filter((one) => one !== undefined).length !== 1)
    return wrong('one of --helpdesk, --tenant and --connection')
  if (helpdesk !== undefined) {
    for (const name of helpdesk === 'all' ? helpdeskNames : [helpdesk])
      print(`  ${name}: ${await eventSources.enable(await arnOf(sqs, queues[name].queue), !paused)}\n`)
    return 0
  }
  if (why === undefined) return wrong('--why: the reason, for whoever finds it later')
  const what: Pausable = connection === undefined ? { tenant: tenant ?? '' } : { connectionId: connection }
  await setPause(conversations, what, { paused, by: userInfo().username, why, at: Date.now() })
  print(
    paused
      ? 'Paused within 10 seconds. Tickets wait; who waits for over 24 hours is answered by a human.\n'
      : 'It goes on: tickets that waited are looked at within 2 minutes.\n',
  )
  return 0
}

function operatorOf({ outputs, endpoint, dynamoEndpoint }: Flags) {
  const { DeskhandStorage: names, Deskhand, Laptop } = readOutputs(outputs)
  const local = Laptop && { region: 'local', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }
  const at = (url: string | undefined) => ({ ...local, ...(url === undefined ? {} : { endpoint: url }) })
  const aws = at(endpoint ?? Laptop?.Endpoint)
  const dynamo = new DynamoDBClient(at(dynamoEndpoint ?? Laptop?.DynamoEndpoint ?? endpoint))
  const io: Io = (_port, call) => call()
  return {
    io,
    sqs: new SQSClient(aws),
    eventSources: createEventSources(aws),
    index: createDueIndex(dynamo, names.ConversationsTable, io),
    conversations: createTable(dynamo, names.ConversationsTable, 'conversations', io),
    configuration: createTable(dynamo, names.ConfigurationTable, 'configuration', io),
    queues: Deskhand.Queues satisfies Record<string, QueuePair>,
  }
}

function readOutputs(file: string) {
  try {
    const parsed = outputsFile.safeParse(JSON.parse(readFileSync(file, 'utf8')))
    if (parsed.success) return parsed.data
    throw new Error(
      parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    )
  } catch (error) {
    throw new DeskhandError(
      'bad_configuration',
      `--outputs ${file}: ${error instanceof Error ? error.message : 'unreadable'}. npm run deploy writes it; for a stack that is there: npm run deploy again, it changes nothing`,
    )
  }
}

function readFlags() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        helpdesk: { type: 'string' },
        tenant: { type: 'string' },
        connection: { type: 'string' },
        ticket: { type: 'string' },
        why: { type: 'string' },
        outputs: { type: 'string', default: 'outputs.json' },
        endpoint: { type: 'string' },
        'dynamo-endpoint': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return 'help' as const
    const command = commands.find((name) => name === positionals[0])
    if (command === undefined || positionals.length > 1)
      throw new Error(`one command: ${commands.join(', ')}`)
    return {
      command,
      helpdesk: checked('--helpdesk', z.enum([...helpdeskNames, 'all']), values.helpdesk),
      tenant: checked('--tenant', tenantId, values.tenant),
      connection: checked('--connection', connectionId, values.connection),
      ticket: checked('--ticket', vendorId, values.ticket),
      why: values.why,
      outputs: values.outputs,
      endpoint: values.endpoint,
      dynamoEndpoint: values['dynamo-endpoint'],
    }
  } catch (error) {
    wrong(error instanceof Error ? error.message : String(error))
    return undefined
  }
}

function checked<T extends z.ZodType>(
  flag: string,
  schema: T,
  value: string | undefined,
): z.output<T> | undefined {
  if (value === undefined) return undefined
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new Error(`${flag} ${value}: ${parsed.error.issues[0]?.message}`)
}

function wrong(what: string): 2 {
  process.stderr.write(`${what}\n\n${usage}`)
  return 2
}

const print = (text: string): void => void process.stdout.write(text)

function table(head: string[], rows: string[][]): void {
  const widths = head.map((title, n) => Math.max(title.length, ...rows.map((row) => row[n]?.length ?? 0)))
  for (const row of [head, ...rows])
    print(
      `  ${row
        .map((cell, n) => cell.padEnd(widths[n] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    )
}

function ago(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000))
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

runCommand(main)
