/** What the agent did in some days: answered, handed over, refused and why, and what it cost. */
import * as z from 'zod'
import { connectionId, tenantId } from '../../../schemas/names.ts'
import { countPrefixes, type ReportSum, reportPk, reportSums } from '../../../schemas/report.ts'
import type { Row } from '../../core/ports.ts'
import { Problem } from '../problem.ts'
import { type Route, route } from '../route.ts'

const sums = (Object.keys(reportSums) as ReportSum[]).filter((name) => name !== 'micro_dollars')
const counts = z.record(z.string(), z.number())
const report = z
  .object({
    from: z.iso.date(),
    to: z.iso.date(),
    ...Object.fromEntries(sums.map((name) => [name, z.number()])),
    cost: z.number().meta({ description: 'US dollars, where the price of the model is known.' }),
    handed_over_by_cause: counts,
    refused_by_cause: counts,
    silent_by_cause: counts,
    postponed_by_cause: counts,
    tools: z.record(z.string(), counts).meta({ description: 'By tool, how its calls ended.' }),
    days: z.array(
      z.object({ day: z.string(), replies: z.number(), hand_overs: z.number(), cost: z.number() }),
    ),
  })
  .meta({ id: 'Report' })

const mostDays = 400
const dayMs = 86_400_000

export const reportRoutes: Route[] = [
  route(
    {
      id: 'getReport',
      method: 'GET',
      path: '/admin/tenants/{tenant}/report',
      tag: 'report',
      summary: 'What was answered, handed over and refused, by which tools, and what the model cost',
      description: 'Days are UTC. Runs are counted when they end: one that was cut off is not.',
      permission: 'read',
      params: z.object({ tenant: tenantId }),
      query: z.object({
        from: z.iso.date().meta({ description: 'First day.' }),
        to: z.iso.date().meta({ description: 'Last day, itself too.' }),
        connection: connectionId.optional(),
      }),
      answers: { status: 200, description: 'The sums.', body: report },
    },
    async ({ tenant, query }) => {
      const { from, to, connection } = query
      const days = (Date.parse(to) - Date.parse(from)) / dayMs
      if (days < 0 || days > mostDays)
        throw new Problem(
          'invalid',
          `from and to: ${to} must be the same day or later, within ${mostDays} days.`,
        )
      const rows = await tenant.conversations.query('report', { pk: reportPk(tenant.tenant), after: from })
      const wanted = rows.filter(
        ({ sk }) => sk.slice(0, 10) <= to && (connection === undefined || sk.slice(11) === connection),
      )
      return { status: 200, body: { from, to, ...sumsOf(wanted), days: daysOf(wanted) } }
    },
  ),
]

function sumsOf(rows: readonly Row[]) {
  const all = Object.fromEntries(Object.keys(reportSums).map((name) => [name, 0])) as Record<
    ReportSum,
    number
  >
  const byCause: Record<string, Record<string, number>> = {}
  for (const prefix of countPrefixes) if (prefix !== 'tool') byCause[`${prefix}_by_cause`] = {}
  const tools: Record<string, Record<string, number>> = {}
  for (const [name, n] of rows.flatMap((row) => Object.entries(row))) {
    if (typeof n !== 'number') continue
    const [prefix = '', ...rest] = name.split('#')
    if (Object.hasOwn(all, name)) all[name as ReportSum] += n
    else if (prefix === 'tool') add(tools, rest.slice(0, -1).join('#'), rest.at(-1) ?? '', n)
    else if (Object.hasOwn(byCause, `${prefix}_by_cause`))
      add(byCause, `${prefix}_by_cause`, rest.join('#'), n)
  }
  const { micro_dollars, ...counted } = all
  return { ...counted, cost: dollars(micro_dollars), ...byCause, tools }
}

const dollars = (millionths: number): number => millionths / 1_000_000

function add(into: Record<string, Record<string, number>>, name: string, of: string, n: number): void {
  const counted = Object.hasOwn(into, name) ? (into[name] ?? {}) : {}
  into[name] = { ...counted, [of]: (Object.hasOwn(counted, of) ? (counted[of] ?? 0) : 0) + n }
}

function daysOf(rows: readonly Row[]) {
  const days = [...new Set(rows.map(({ sk }) => sk.slice(0, 10)))]
  const sum = (day: string, name: ReportSum) =>
    rows.filter(({ sk }) => sk.startsWith(day)).reduce((all, row) => all + Number(row[name] ?? 0), 0)
  return days.map((day) => ({
    day,
    replies: sum(day, 'replies'),
    hand_overs: sum(day, 'hand_overs'),
    cost: dollars(sum(day, 'micro_dollars')),
  }))
}
