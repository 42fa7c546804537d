/**
 * Exports what is stored of one customer, by an address: every ticket that the address is on, opened. Where others write
 * in a ticket too, only what was fetched and said for this very address, proven, goes out: the rest may be theirs.
 */
import { type Assurance, assurances, atLeast } from '../../../schemas/names.ts'
import { effectRow, ticketRow } from '../../../schemas/ticket-row.ts'
import { customerPk } from '../customer-index.ts'
import { aboutAddress } from '../look-again.ts'
import type { Key, Row } from '../ports.ts'
import { parseTicketPk, ticketSk } from '../ticket-key.ts'
import { aboutInTurn } from '../turn.ts'
import { addressOf, customerCounters } from './customer-counters.ts'
import { pagesUntil, writePages } from './export-pages.ts'
import { beginStep, type JobWork, saveJob } from './job-lease.ts'
import { rowKind } from './row-kinds.ts'
import type { JobEnd } from './run-jobs.ts'

type Out = { record: string } & Record<string, unknown>

export async function exportCustomer(work: JobWork): Promise<JobEnd> {
  if (work.row.step === undefined) await beginStep(work, 'customer', { pagesUntil: pagesUntil(work) })
  const address = await addressOf(work)
  if (work.row.step === 'customer') {
    const counters = await customerCounters(work)
    const pages = await writePages(work, [
      { record: 'customer', address, at: work.row.at },
      ...counters.map(counterRecord),
    ])
    await beginStep(work, 'tickets', { pages })
  }
  const { conversations, tenant } = work.tenant
  const index = await conversations.query('index', {
    pk: customerPk(tenant, work.row.customer ?? ''),
  })
  for (const { sk: ticketPk } of index) {
    if (ticketPk <= (work.row.cursor?.after ?? '')) continue
    const pages = await writePages(work, await ticketRecords(work, ticketPk, address))
    await saveJob(work, { pages, cursor: { after: ticketPk }, done: work.row.done + 1 })
    if (work.isTimeUp()) return { later: 0 }
  }
  return 'done'
}

const counterRecord = ({ pk, sk, ids, units, sent, answered }: Row): Out => ({
  record: 'counter',
  of: pk.split('#')[2],
  day: sk,
  count: ids instanceof Set ? ids.size : answered instanceof Set ? answered.size : sent,
  ...(typeof units === 'number' ? { units } : {}),
})

/** Everything of one ticket that is this customer's to read, and how many rows were left out. */
async function ticketRecords(work: JobWork, pk: string, address: string): Promise<Out[]> {
  const rows = await work.tenant.conversations.query('ticket_rows', { pk })
  const about = parseTicketPk(pk)
  const ticket = ticketRow.safeParse(rows.find(({ sk }) => sk === ticketSk))
  const row = ticket.success ? ticket.data : undefined
  const isShared = (row?.customers?.size ?? 0) > 1
  const theirs = isShared ? await provenAbout(work, address) : undefined
  const kept = rows.filter((each) => theirs === undefined || isAbout(each, theirs))
  const records: Out[] = [
    {
      record: 'ticket',
      connectionId: about?.connectionId,
      ticketId: about?.ticketId,
      lookedAt: row?.lookedAt,
      handedOver: row?.handedOver,
      leftOut: rows.length - kept.length - (isShared ? 1 : 0),
    },
  ]
  for (const each of kept) {
    const opened = await openRow(work, each)
    if (opened !== undefined) records.push({ ticketId: about?.ticketId, ...opened })
  }
  return records
}

/** HMACs of this address at every level that proves it. */
async function provenAbout({ tenant }: JobWork, address: string): Promise<string[]> {
  const levels = assurances.filter((level: Assurance) => atLeast(level, 'mailbox'))
  return await Promise.all(levels.map((level) => aboutAddress(tenant.vault, address, level)))
}

function isAbout(row: Row, abouts: readonly string[]): boolean {
  const kind = rowKind(row)
  if (kind === 'effect') return typeof row.about === 'string' && abouts.includes(row.about)
  return kind === 'turn' && abouts.some((about) => row.sk.includes(aboutInTurn(about)))
}

/** A row as its record; `undefined` where it has nothing to read. */
async function openRow({ tenant }: JobWork, row: Row): Promise<Out | undefined> {
  const open = async ({ pk, sk }: Key, field: string): Promise<unknown> =>
    row[field] instanceof Uint8Array
      ? JSON.parse(await tenant.vault.open({ pk, sk, field }, row[field]))
      : undefined
  switch (rowKind(row)) {
    case 'turn':
      return { record: 'turn', key: row.sk, step: await open(row, 'step') }
    case 'trace':
      return { record: 'trace', trace: await open(row, 'trace') }
    case 'proposal':
      return { record: 'proposal', at: row.at, content: await open(row, 'content') }
    case 'effect': {
      const { kind, state, at, tool, messageId, posted } = effectRow.parse(row)
      return {
        record: 'effect',
        kind,
        state,
        at,
        tool,
        messageId,
        posted,
        content: await open(row, 'content'),
      }
    }
    default:
      return undefined
  }
}
