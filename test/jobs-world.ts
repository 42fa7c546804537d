/** Jobs around a world: the real worker, queue and sweeper, and every row of both tables as it is stored. */
import { randomBytes } from 'node:crypto'
import { type AttributeValue, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import type { Context } from 'aws-lambda'
import { jobsRuntime } from '../lambdas/core/aws/jobs-runtime.ts'
import { sweeperRuntime } from '../lambdas/core/aws/sweeper-runtime.ts'
import { createTable } from '../lambdas/core/aws/table.ts'
import { hashAddress } from '../lambdas/core/consent/grant.ts'
import { readExport } from '../lambdas/core/jobs/export-pages.ts'
import { jobKey } from '../lambdas/core/jobs/job-key.ts'
import { createJobs } from '../lambdas/core/jobs/run-jobs.ts'
import {
  type Job,
  type JobContext,
  listJobs,
  readJob,
  restartJob,
  startJob,
} from '../lambdas/core/jobs/start-job.ts'
import type { Io, Row, Vault } from '../lambdas/core/ports.ts'
import { sweep } from '../lambdas/core/sweep.ts'
import { tableNames } from '../local/tables.ts'
import { type Circumstances, createLife, type Plan, type World } from './world.ts'

const second = 1000
const minute = 60 * second

export type Jobs = Awaited<ReturnType<typeof startJobs>>

export async function startJobs(world: World) {
  const { aws, clock, tables, lines, tenant, deployment } = world
  const queueUrl = aws.createQueue('jobs', { visibilityTimeoutSeconds: 1080 })
  const shared = {
    aws: { endpoint: aws.url, dynamoEndpoint: tables.url, region: 'local', credentials: aws.credentials },
    tableNames,
    clock,
    log: deployment.log,
  }
  const client = { endpoint: aws.url, region: 'local', credentials: aws.credentials }
  const dynamo = new DynamoDBClient({ ...client, endpoint: tables.url })
  const sqs = new SQSClient(client)
  const plain: Io = (_port, call) => call()
  const running = (io: Io) =>
    jobsRuntime({
      ...shared,
      io,
      queueUrl,
      keyId: deployment.keyId,
      roleArn: aws.jobsRoleArn,
      random: randomBytes,
    })
  /** Sessions end by the world's clock, and the SDK goes by the machine's: so each use has a new one. */
  const context = async (): Promise<JobContext> => {
    const runtime = running(plain)
    const mine = await runtime.forTenant(tenant)
    return { ...mine, queue: runtime.queue, clock, random: randomBytes, log: runtime.log }
  }
  const sweeper = sweeperRuntime({ ...shared, queueUrls: { jobs: queueUrl } })
  const conversations = createTable(dynamo, tableNames.conversations, 'look', plain)
  const configuration = createTable(dynamo, tableNames.configuration, 'look', plain)

  const jobs = {
    context,
    conversations,
    configuration,
    /** HMAC of an address in this tenant. */
    tagOf: async (address: string): Promise<string> => await hashAddress((await context()).vault, address),
    start: async (about: Parameters<typeof startJob>[1]): Promise<string> =>
      (await startJob(await context(), about)).id,
    read: async (id: string): Promise<Job> => {
      const job = await readJob({ tenant, conversations }, id)
      if (job === undefined) throw new Error(`no job ${id}`)
      return job
    },
    row: (id: string): Promise<Row | undefined> => conversations.get('look', jobKey(tenant, id)),
    list: (): Promise<Job[]> => listJobs({ tenant, conversations }),
    restart: async (id: string): Promise<boolean> => await restartJob(await context(), id),
    sweep: (): Promise<number> => sweep(sweeper),

    /** One run of the job by a process with nothing cached. Answers its I/Os, and whether it was killed. */
    async run(
      id: string,
      plan?: Plan,
      { fails = () => false, lambdaMs = 180 * second }: Circumstances = {},
    ): Promise<{ ports: string[]; died: boolean }> {
      const life = createLife(plan, fails)
      const work = createJobs(running(life.io))
      const end = clock.now() + lambdaMs
      const handled = work(
        { Records: [{ messageId: 'm', body: JSON.stringify({ tenant, job: id }) } as never] },
        { getRemainingTimeInMillis: () => end - clock.now() } as Context,
      )
      const result = await Promise.race([handled, life.death])
      return { ports: life.ports, died: result === 'died' }
    },

    /**
     * Time passes, wake-ups come and the sweeper runs until the job has ended. Answers the I/Os of all runs, which
     * `plan` counts through.
     */
    async untilEnded(
      id: string,
      plan?: Plan,
      circumstances?: Circumstances,
    ): Promise<Job & { ports: string[] }> {
      const ports: string[] = []
      let killed = false
      for (let rounds = 0; rounds < 200; rounds++) {
        const job = await jobs.read(id)
        if (job.state === 'done' || job.state === 'failed') return { ...job, ports }
        clock.time += 5 * second
        if ((await takeMessages()) === 0) {
          clock.time += minute
          await jobs.sweep()
          continue
        }
        const planned = killed || plan === undefined ? undefined : { ...plan, n: plan.n - ports.length }
        const ran = await jobs.run(id, planned, circumstances)
        killed ||= ran.died
        ports.push(...ran.ports)
      }
      throw new Error(`job ${id} has not ended in 200 rounds`)
    },

    /** The same until the job stands at `step`. */
    async untilStep(id: string, step: string): Promise<void> {
      for (let rounds = 0; rounds < 100 && (await jobs.read(id)).step !== step; rounds++) {
        clock.time += minute
        await jobs.run(id)
      }
    },
    pageOfKeys: (prefix: string) => running(plain).keys.conversations.page('look', prefix, undefined),

    /** Every record of an export. */
    async records(id: string): Promise<Record<string, unknown>[]> {
      const found: Record<string, unknown>[] = []
      for (let page = 1; ; page++) {
        const read = await readExport(await context(), id, page)
        if (read === undefined) return found
        found.push(
          ...read.text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line)),
        )
      }
    },
    page: async (id: string, page: number) => await readExport(await context(), id, page),

    close() {
      dynamo.destroy()
      sqs.destroy()
    },
    lines,
    /** Every row of both tables, as stored. */
    async stored(): Promise<StoredRow[]> {
      const found: StoredRow[] = []
      for (const table of Object.values(tableNames)) {
        let from: Record<string, AttributeValue> | undefined
        do {
          const page = await dynamo.send(new ScanCommand({ TableName: table, ExclusiveStartKey: from }))
          for (const item of page.Items ?? []) found.push({ table, row: unmarshall(item) as Row })
          from = page.LastEvaluatedKey
        } while (from !== undefined)
      }
      return found.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    },
    /** All rows and secrets, to be put back by `restore`. */
    snapshot: async () => ({ rows: await jobs.stored(), secrets: aws.secrets() }),
    async restore({ rows, secrets }: { rows: StoredRow[]; secrets: Record<string, string> }): Promise<void> {
      const tableOf = (name: string) => (name === tableNames.configuration ? configuration : conversations)
      const kept = new Set(rows.map(nameOf))
      for (const stored of await jobs.stored())
        if (!kept.has(nameOf(stored))) await tableOf(stored.table).delete('look', stored.row)
      for (const { table, row } of rows) await tableOf(table).put('look', row)
      for (const [name, value] of Object.entries(secrets)) aws.putSecret(name, JSON.parse(value))
    },
    /** Names of the rows that say `text`, to whoever has this tenant's keys. */
    async saying(text: string): Promise<string[]> {
      const { vault } = await context()
      const found: string[] = []
      for (const stored of await jobs.stored())
        if ((await openedText(vault, stored)).includes(text)) found.push(nameOf(stored))
      return found
    },
  }
  return jobs

  async function takeMessages(): Promise<number> {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
    )
    for (const { ReceiptHandle } of Messages)
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }))
    return Messages.length
  }
}

export interface StoredRow {
  table: string
  row: Row
}
export const nameOf = ({ table, row }: StoredRow): string => `${table} ${row.pk} ${row.sk}`

/** A row as text, bytes and all: equal where the rows are. */
export const bytesOf = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    each instanceof Set
      ? [...each].sort()
      : each instanceof Uint8Array
        ? Buffer.from(each).toString('base64')
        : typeof each === 'object' && each !== null && !Array.isArray(each)
          ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
          : each,
  )

/** What a row says to somebody who has the keys: its plain values, and its sealed ones opened. */
async function openedText(vault: Vault, { row }: StoredRow): Promise<string> {
  const texts = [bytesOf(row)]
  for (const [field, value] of Object.entries(row)) {
    if (!(value instanceof Uint8Array)) continue
    // What is another tenant's, or a wrapped key, does not open.
    texts.push(await vault.open({ pk: row.pk, sk: row.sk, field }, value).catch(() => ''))
  }
  return texts.join('\n')
}
