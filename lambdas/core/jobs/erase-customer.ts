/**
 * Erases what is stored of one customer, by an address: every ticket that the address is on is emptied while nobody
 * works on it. Its effect rows stay, without content, so that nothing is ever done twice; so does the ticket row, which
 * keeps webhooks from ringing twice. Index rows go last: they are what a run that was cut off goes on by.
 */
import * as z from 'zod'
import { jobRow, rowCounts } from '../../../schemas/job.ts'
import { customerPk } from '../customer-index.ts'
import { DeskhandError, isCode } from '../errors.ts'
import type { Key, Row, Table } from '../ports.ts'
import { ticketSk } from '../ticket-key.ts'
import { customerCounters } from './customer-counters.ts'
import { holdTicket, letGo, letGoEmpty } from './hold-ticket.ts'
import { jobsPk, pagesPk } from './job-key.ts'
import { beginStep, type JobWork, saveJob } from './job-lease.ts'
import { addCounts, countRows, rowKind } from './row-kinds.ts'
import type { JobEnd } from './run-jobs.ts'
import { together } from './together.ts'

/** An index row: when it was written, and what this job found and left on its ticket. */
const indexRow = z.object({
  pk: z.string(),
  sk: z.string(),
  at: z.number(),
  erase: z
    .object({ job: z.string(), at: z.number(), before: rowCounts, after: rowCounts.optional() })
    .optional(),
})
type IndexRow = z.infer<typeof indexRow>

export async function eraseCustomer(work: JobWork): Promise<JobEnd> {
  if (work.row.step === undefined) await beginStep(work, 'tickets')
  if (work.row.step === 'tickets') {
    const end = await eraseTickets(work)
    if (end !== 'done') return end
    const mine = (await indexed(work)).filter((row) => isErased(work, row))
    const counters = countRows(await customerCounters(work))
    await beginStep(work, 'index', {
      before: addCounts(counters, countRows(mine), ...mine.map(({ erase }) => erase?.before)),
      after: addCounts(counters, ...mine.map(({ erase }) => erase?.after)),
    })
  }
  if (work.row.step === 'index') {
    await eraseIndex(work)
    const left = countRows(await indexed(work))
    await beginStep(work, 'exports', { after: addCounts(work.row.after, left) })
  }
  return await eraseExports(work)
}

/** HMAC of the address. */
function customerOf({ row }: JobWork): string {
  if (row.customer !== undefined) return row.customer
  throw new DeskhandError('bad_configuration', 'the job names no customer: start another')
}

async function indexed(work: JobWork): Promise<IndexRow[]> {
  const { conversations, tenant } = work.tenant
  const rows = await conversations.query('index', { pk: customerPk(tenant, customerOf(work)) })
  return rows.map((row) => indexRow.parse(row))
}

/** Emptied by this job since the index row was written: written later, there is something new on the ticket. */
const isErased = ({ row }: JobWork, { at, erase }: IndexRow): boolean =>
  erase?.job === row.sk && erase.at === at && erase.after !== undefined

async function eraseTickets(work: JobWork): Promise<JobEnd> {
  const rows = await indexed(work)
  const left = rows.filter((row) => !isErased(work, row))
  let done = rows.length - left.length
  let waiting = 0
  for (const [i, row] of left.entries()) {
    if (i > 0 && work.isTimeUp()) {
      await saveJob(work, { done, waiting: left.length - i + waiting })
      return { later: 0 }
    }
    if (await eraseTicket(work, row)) done++
    else waiting++
  }
  await saveJob(work, { done, waiting })
  return waiting > 0 ? { later: 'under_way' } : 'done'
}

/** Empties one ticket, and notes on its index row what there was and what is left. False: it is under way. */
async function eraseTicket({ tenant, row, clock }: JobWork, index: IndexRow): Promise<boolean> {
  const { conversations } = tenant
  const held = await holdTicket(conversations, { pk: index.sk, sk: ticketSk }, clock.now())
  if (held === 'under_way') return false
  const of = { job: row.sk, at: index.at }
  const rows = await conversations.query('ticket_rows', { pk: index.sk })
  // A run that was cut off has counted before it deleted anything.
  const before =
    index.erase?.job === row.sk && index.erase.at === index.at ? index.erase.before : countRows(rows)
  if (!(await note(conversations, index, { ...of, before }))) {
    await letGo(conversations, held)
    return false
  }
  await together(rows, (each) => eraseRow(conversations, each))
  await letGoEmpty(conversations, held, clock.now())
  const after = countRows(await conversations.query('ticket_rows', { pk: index.sk }))
  return await note(conversations, index, { ...of, before, after })
}

/** False when the ticket was indexed anew meanwhile: it will be looked at again. */
async function note(table: Table, { pk, sk, at }: IndexRow, erase: IndexRow['erase']): Promise<boolean> {
  try {
    await table.update(
      'note_erased',
      { pk, sk },
      {
        update: 'SET erase = :erase',
        condition: '#at = :at',
        names: { '#at': 'at' },
        values: { ':at': at, ':erase': erase },
      },
    )
    return true
  } catch (error) {
    if (isCode(error, 'condition_failed')) return false
    throw error
  }
}

/**
 * One row of a ticket. Guesses are counted by ids alone and expire within days: gone at once, somebody could guess on.
 */
async function eraseRow(table: Table, row: Row): Promise<void> {
  const key: Key = { pk: row.pk, sk: row.sk }
  const kind = rowKind(row)
  if (kind === 'ticket' || kind === 'counter') return
  if (kind !== 'effect') return await table.delete('erase', key)
  if (row.content === undefined && row.about === undefined) return
  await table.update('erase', key, { update: 'REMOVE content, about', condition: 'attribute_exists(pk)' })
}

/** Removes the index rows of emptied tickets; one that was written anew leads to something new. */
async function eraseIndex(work: JobWork): Promise<void> {
  const { conversations } = work.tenant
  const mine = (await indexed(work)).filter((row) => isErased(work, row))
  await together(mine, async ({ pk, sk, at }) => {
    try {
      await conversations.delete(
        'erase_index',
        { pk, sk },
        {
          condition: '#at = :at AND erase.job = :job',
          names: { '#at': 'at' },
          values: { ':at': at, ':job': work.row.sk },
        },
      )
    } catch (error) {
      if (!isCode(error, 'condition_failed')) throw error
    }
  })
}

/**
 * Exports of this customer hold everything once more: those under way are stopped, the pages of all removed, and with
 * them the sealed address of every other job about the customer that has ended. The worker of a stopped one may still
 * write a page, so its lease is waited for.
 */
async function eraseExports(work: JobWork): Promise<JobEnd> {
  const { conversations, tenant } = work.tenant
  const now = work.clock.now()
  const jobs = (await conversations.query('jobs', { pk: jobsPk(tenant) })).map((row) => jobRow.parse(row))
  const others = jobs.filter(({ customer, sk }) => customer === work.row.customer && sk !== work.row.sk)
  const exports = others.filter(({ kind }) => kind === 'export-customer')
  const running = exports.filter(({ state }) => state === 'queued' || state === 'running')
  await together(running, ({ pk, sk }) => stopJob(conversations, { pk, sk }, now))
  if (exports.some(({ leaseUntil = 0 }) => leaseUntil > now)) return { later: 'under_way' }

  const pages: Row[] = []
  for (const { sk } of exports)
    pages.push(...(await conversations.query('pages', { pk: pagesPk(tenant, sk) })))
  if (work.row.step === 'exports')
    await beginStep(work, 'pages', { before: addCounts(work.row.before, countRows(pages)) })
  await together(pages, ({ pk, sk }) => conversations.delete('erase', { pk, sk }))
  const ended = others.filter(({ state, kind }) => kind === 'export-customer' || state === 'failed')
  await together(ended, ({ pk, sk }) =>
    conversations.update(
      'erase',
      { pk, sk },
      {
        update: 'SET pages = :none REMOVE address',
        condition: 'attribute_exists(pk)',
        values: { ':none': 0 },
      },
    ),
  )
  return 'done'
}

/** Its worker finds the fence moved on at its next write; no restart lets it go on. */
async function stopJob(table: Table, key: Key, now: number): Promise<void> {
  await table.update('stop_job', key, {
    update:
      'SET #state = :failed, #fence = if_not_exists(#fence, :zero) + :one, endedAt = :now, #error = :error, givenUp = :true REMOVE due, dueAt',
    condition: 'attribute_exists(pk)',
    names: { '#state': 'state', '#fence': 'fence', '#error': 'error' },
    values: {
      ':failed': 'failed',
      ':zero': 0,
      ':one': 1,
      ':now': now,
      ':true': true,
      ':error': { code: 'refused', message: 'the customer was erased meanwhile' },
    },
  })
}
