/** A list of what moved that takes several runs: each comes further, and no customer who wrote is passed over. */
import { expect, test } from '@jest/globals'
import { DeskhandError } from '../lambdas/core/errors.ts'
import type { Helpdesk } from '../lambdas/core/helpdesk.ts'
import type { HttpRequest, Log } from '../lambdas/core/ports.ts'
import { type Reconciling, reconcile } from '../lambdas/core/reconcile.ts'
import { freshdesk } from '../lambdas/freshdesk/helpdesk.ts'
import { hubspot } from '../lambdas/hubspot/helpdesk.ts'
import { intercom } from '../lambdas/intercom/helpdesk.ts'
import { zendesk } from '../lambdas/zendesk/helpdesk.ts'
import { apiFor } from './fixtures/hubspot-api.ts'

const minute = 60_000
const start = Date.parse('2026-11-25T10:00:00Z')
const iso = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`

/** A ticket that somebody changed at `changed`, and in which its customer wrote at `wrote`, or has not since long. */
interface Listed {
  id: string
  changed: number
  wrote?: number
}
type Answer = (request: HttpRequest) => object
const longAgo = start - 48 * 60 * minute

const pageOf = (all: Listed[], from: number, at: number, size: number) => {
  const after = all.filter(({ changed }) => changed > from)
  return { page: after.slice(at, at + size), more: at + size < after.length ? String(at + size) : undefined }
}
const answers = {
  hubspot: (all: Listed[]): Answer => {
    return ({ url }) => {
      const query = new URL(url).searchParams
      const from = Date.parse(query.get('latestMessageTimestampAfter') ?? '')
      const { page, more } = pageOf(all, from, Number(query.get('after') ?? 0), 100)
      const results = page.map(({ id, changed, wrote = longAgo }) => ({
        id,
        status: 'OPEN',
        latestMessageTimestamp: iso(changed),
        latestMessageReceivedTimestamp: iso(wrote),
      }))
      return { results, ...(more && { paging: { next: { after: more } } }) }
    }
  },
  intercom: (all: Listed[]): Answer => {
    return ({ body }) => {
      const { query, pagination } = JSON.parse(String(body))
      const from = query.value[0].value * 1000
      const { page, more } = pageOf(all, from, Number(pagination.starting_after ?? 0), 50)
      const conversations = page.map(({ id, changed, wrote = longAgo }) => ({
        id,
        updated_at: changed / 1000,
        statistics: { last_contact_reply_at: wrote / 1000 },
      }))
      return { conversations, ...(more && { pages: { next: { starting_after: more } } }) }
    }
  },
  freshdesk: (all: Listed[]): Answer => {
    return ({ url }) => {
      const query = new URL(url).searchParams
      const from = Date.parse(query.get('updated_since') ?? '') - 1
      return pageOf(all, from, (Number(query.get('page')) - 1) * 100, 100).page.map(
        ({ id, changed, wrote = longAgo }) => ({
          id: Number(id),
          status: 2,
          created_at: iso(longAgo),
          updated_at: iso(changed),
          stats: { requester_responded_at: iso(wrote) },
        }),
      )
    }
  },
  zendesk: (all: Listed[]): Answer => {
    let from = 0
    return ({ url }) => {
      const query = new URL(url).searchParams
      const at = Number(query.get('cursor') ?? 0)
      if (query.has('start_time')) from = Number(query.get('start_time')) * 1000 - 1
      const { page, more } = pageOf(all, from, at, 100)
      const tickets = page.map(({ id, changed, wrote }) => ({
        id: Number(id),
        status: wrote === undefined ? 'pending' : 'open',
        updated_at: iso(changed),
      }))
      return { tickets, after_cursor: more ?? 'end', end_of_stream: more === undefined }
    }
  },
}
const connections = {
  hubspot: {},
  intercom: { region: 'us', auth: { secret: 'x' } },
  freshdesk: { domain: 'acme', auth: { secret: 'x' } },
  zendesk: { subdomain: 'acme', auth: { type: 'api_token', email: 'b@acme.test', secret: 'x' } },
}
const helpdesks = { hubspot, intercom, freshdesk, zendesk } as unknown as Record<string, Helpdesk>

type Row = Record<string, unknown>

/** Runs until the schedule waits for its time, at most 20 times. Answers who was rung, and how often it ran. */
async function runs(name: keyof typeof answers, all: Listed[], since: number) {
  const now = start + 60 * minute
  let row: Row = { since }
  const rung = new Set<string>()
  const log: Log = { info() {}, warn() {}, alarm() {}, with: () => log }
  const answer = answers[name](all)
  const { api } = apiFor('http://localhost:1')
  const host = {
    hubspot: 'localhost:1',
    intercom: 'localhost:1',
    freshdesk: 'localhost:1',
    zendesk: 'localhost:1',
  }
  const connection = {
    ...api.connection,
    ...connections[name],
    helpdesk: name,
    baseUrl: `http://${host[name]}`,
    enabled: true,
    reconcile: { enabled: true, everyMinutes: 15 },
  }
  const update = async (
    call: string,
    key: { pk: string },
    { values = {} }: { values?: Row },
  ): Promise<Row> => {
    if (call === 'claim_schedule') return row
    if (call === 'end_schedule') {
      row = {
        ...(':wroteSince' in values ? { wroteSince: values[':wroteSince'] } : {}),
        since: values[':since'],
      }
      row.nextAt = values[':dueAt']
      return row
    }
    const id = key.pk.split('#')[4] as string
    if (rung.has(id)) throw new DeskhandError('condition_failed', 'rung before')
    rung.add(id)
    return {}
  }
  const run = {
    helpdesk: helpdesks[name],
    clock: { now: () => now },
    log,
    queue: { send: async () => {} },
    conversations: { update },
    connectionId: api.connection.id,
    load: async () => ({
      ...api,
      log,
      now: () => now,
      connection,
      http: async (request: HttpRequest) => ({
        ok: true,
        status: 200,
        headers: {},
        text: JSON.stringify(answer(request)),
      }),
    }),
    deadline: now + 170_000,
  } as unknown as Reconciling
  let count = 0
  do {
    await reconcile(run)
    count++
  } while (count < 20 && Number(row.nextAt) <= now)
  return { rung, count }
}

const names = ['hubspot', 'intercom', 'freshdesk', 'zendesk'] as const

test.each(names)(
  '%s: a customer who wrote before others, in a ticket touched after theirs, is rung',
  async (name) => {
    const all: Listed[] = Array.from({ length: 450 }, (_, i) => {
      const at = start + (i + 1) * 1000
      return { id: String(i + 1), changed: at, wrote: at }
    })
    all.push({ id: '999', changed: start + 600_000, wrote: start + 500 * 2 })
    const { rung, count } = await runs(name, all, start)
    expect(rung.size).toBe(451)
    expect(count).toBe(3)
  },
)

test.each(names)(
  '%s: of tickets that changed in one second none is passed over at the end of a run',
  async (name) => {
    const at = start + minute
    const all = Array.from({ length: 205 }, (_, i) => ({ id: String(i + 1), changed: at, wrote: at }))
    expect((await runs(name, all, start)).rung.size).toBe(205)
  },
)

test.each(names)('%s: behind more changes of others than one run reads, a customer is rung', async (name) => {
  const all: Listed[] = Array.from({ length: 3300 }, (_, i) => ({
    id: String(i + 1),
    changed: start + (i + 1) * 500 * 2,
  }))
  all.push({ id: '9999', changed: start + 59 * minute, wrote: start + 58 * minute })
  const { rung, count } = await runs(name, all, start)
  expect([...rung]).toEqual(['9999'])
  expect(count).toBeLessThan(5)
})
