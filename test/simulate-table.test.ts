/** The table of a simulation keeps its word as DynamoDB does: the same rows after the same calls, or the same refusal. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { DeskhandError } from '../lambdas/core/errors.ts'
import type { AnswerRuntime, Row, Table } from '../lambdas/core/ports.ts'
import { createMemoryTable } from '../lambdas/core/simulate/memory-table.ts'
import { codeIn, eager, publishRefund, refundsSent, tokenIn } from './consent-world.ts'
import { startWorld, type World } from './world.ts'

let world: World
/** Names of the calls that both tables were asked to make. */
const compared = new Set<string>()
const different: unknown[] = []

beforeAll(async () => {
  world = await startWorld({ script: eager, sender: true })
})
afterAll(() => world.close())

/** What a call answers, or the code of its refusal with the row as it stands. */
const ended = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => {
    if (!(error instanceof DeskhandError)) throw error
    return { refused: error.code, row: error.cause }
  })

/** Makes every write in memory too, on the same row, and notes where that goes another way. */
function mirrored(real: Table): Table {
  const both = async <T>(
    name: string,
    key: Pick<Row, 'pk' | 'sk'>,
    write: (table: Table) => Promise<T>,
  ): Promise<T> => {
    const memory = createMemoryTable()
    const before = await real.get('before', key)
    if (before !== undefined) await memory.put('before', before)
    const call = write(real)
    const [theirs, ours] = [await ended(call), await ended(write(memory))]
    const rows = [await real.get('after', key), await memory.get('after', key)]
    compared.add(name)
    try {
      expect(ours).toEqual(theirs)
      expect(rows[1]).toEqual(rows[0])
    } catch (problem) {
      different.push(problem)
    }
    return await call
  }
  return {
    ...real,
    put: (name, row, condition) => both(name, row, (table) => table.put(name, row, condition)),
    update: (name, key, expression) => both(name, key, (table) => table.update(name, key, expression)),
  }
}

const wrap = (runtime: AnswerRuntime): AnswerRuntime => ({
  ...runtime,
  forTenant: async (id) => {
    const tenant = await runtime.forTenant(id)
    return { ...tenant, conversations: mirrored(tenant.conversations) }
  },
})

async function answered(ticketId: string): Promise<void> {
  await world.deliver(ticketId)
  for (let rounds = 0; rounds < 20; rounds++) {
    if ((await world.row(ticketId))?.due === undefined) return
    await world.step(ticketId, world.process(undefined, wrap))
  }
}

test('what turns write with consents, codes, limits and hand-overs is the same in both', async () => {
  await publishRefund(world, { limits: { perTicket: 1, perCustomerPerDay: 1 } })
  const first = world.openTicket('Please refund my order 1042')
  await answered(first)
  world.write(first, `Yes: ${tokenIn(world, first)}`)
  await answered(first)
  world.write(first, 'Another refund please, of my order 1042')
  await answered(first)

  await publishRefund(world, { identity: 'confirmed' })
  const second = world.openTicket('A refund for my order 1042, please')
  await answered(second)
  world.write(second, '000000')
  await answered(second)
  world.write(second, codeIn(world))
  await answered(second)

  world.script = () => ({ stop_reason: 'refusal' })
  await answered(world.openTicket('And now?'))

  expect(refundsSent(world)).toBeGreaterThan(0)
  for (const name of ['claim', 'intent', 'outcome', 'close', 'release', 'step', 'trace'])
    expect(compared).toContain(name)
  expect([...compared].sort()).toEqual(expect.arrayContaining(['ask_for_code', 'code_sent', 'proposal']))
  expect(different).toEqual([])
})

const key = { pk: 'T#acme#a', sk: 'ticket' }
test.each<[string, object]>([
  ['a name that is not given', { update: 'SET #a = :a', values: { ':a': 1 } }],
  ['a value that is not given', { update: 'SET a = :a' }],
  ['a map on the way that is not there', { update: 'SET a.b = :a', values: { ':a': 1 } }],
  ['a function that it does not know', { update: 'SET a = list_append(a, :a)', values: { ':a': [] } }],
  ['a condition that goes on', { update: 'REMOVE a', condition: 'a = :a b', values: { ':a': 1 } }],
])('what it cannot read it refuses: %s', async (_, expression) => {
  const table = createMemoryTable()
  await expect(table.update('x', key, expression as Parameters<Table['update']>[2])).rejects.toMatchObject({
    code: 'bad_configuration',
  })
  expect(await table.get('x', key)).toBeUndefined()
})

test('what is read or written is a copy', async () => {
  const table = createMemoryTable()
  const row = { ...key, inner: { n: 1 }, gone: undefined }
  await table.put('x', row)
  row.inner.n = 2
  const read = (await table.get('x', key)) as typeof row
  expect(read).toEqual({ ...key, inner: { n: 1 } })
  expect('gone' in read).toBe(false)
  read.inner.n = 3
  expect(await table.query('x', { pk: key.pk })).toEqual([{ ...key, inner: { n: 1 } }])
})
