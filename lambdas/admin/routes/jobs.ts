/** Exporting and erasing, of one customer or of the whole tenant: in the background, with progress, provable by counts. */
import * as z from 'zod'
import { why } from '../../../schemas/admin.ts'
import { jobId, jobKinds, rowCounts } from '../../../schemas/job.ts'
import { tenantId } from '../../../schemas/names.ts'
import { readExport } from '../../core/jobs/export-pages.ts'
import {
  type Job,
  type JobContext,
  listJobs,
  readJob,
  restartJob,
  startJob,
} from '../../core/jobs/start-job.ts'
import { allows } from '../access.ts'
import { Problem } from '../problem.ts'
import { type Call, type Route, route } from '../route.ts'

const tag = 'jobs'
const base = '/admin/tenants/{tenant}/jobs'
const inTenant = z.object({ tenant: tenantId })
const ofJob = inTenant.extend({ job: jobId })

const told = z
  .object({
    id: z.string(),
    kind: z.enum(jobKinds),
    state: z.enum(['queued', 'running', 'done', 'failed']),
    by: z.string(),
    at: z.number(),
    why: z.string(),
    customer: z.string().optional().meta({ description: 'HMAC of the address.' }),
    step: z.string().optional(),
    done: z.number().meta({ description: 'Worked on in this step.' }),
    waiting: z.number().meta({ description: 'Tickets under way, which are waited for.' }),
    before: rowCounts.optional().meta({ description: 'Rows of each kind when it began.' }),
    after: rowCounts.optional().meta({ description: 'Rows of each kind when it ended.' }),
    ended_at: z.number().optional(),
    pages: z.number().meta({ description: 'Of an export.' }),
    pages_until: z.number().optional(),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
  })
  .meta({ id: 'Job' })

export const jobRoutes: Route[] = [
  route(
    {
      id: 'startJob',
      method: 'POST',
      path: base,
      tag,
      summary: 'Starts to export or erase what is held about a customer, or all of the tenant',
      description:
        'A customer is named by an address; it is kept sealed until the job ends. Erasing a tenant is for operators, and refused while it has a live connection.',
      permission: 'administer',
      params: inTenant,
      body: z.strictObject({ kind: z.enum(jobKinds), email: z.string().max(254).optional(), why }),
      example: { kind: 'export-customer', email: 'zoe@example.com', why: 'Request of 25 November' },
      answers: { status: 202, description: 'Started.', body: z.object({ id: jobId }) },
    },
    async (call) => {
      const { body, who, rank } = call
      if (body.kind === 'erase-tenant' && !allows(rank, 'operate'))
        throw new Problem('not_allowed', 'Erasing a tenant is for operators.')
      const { email, ...about } = body
      const { id } = await startJob(contextOf(call), {
        ...about,
        by: who.id,
        ...(email === undefined ? {} : { email }),
      })
      return { status: 202, body: { id }, result: { id, kind: body.kind } }
    },
  ),
  route(
    {
      id: 'listJobs',
      method: 'GET',
      path: base,
      tag,
      summary: 'Lists jobs, newest first',
      permission: 'administer',
      params: inTenant,
      answers: { status: 200, description: 'All of them.', body: z.object({ items: z.array(told) }) },
    },
    async ({ tenant }) => ({ status: 200, body: { items: (await listJobs(tenant)).map(shown) } }),
  ),
  route(
    {
      id: 'getJob',
      method: 'GET',
      path: `${base}/{job}`,
      tag,
      summary: 'Reads how far a job is, and what it counted',
      permission: 'administer',
      params: ofJob,
      answers: { status: 200, description: 'The job.', body: told },
    },
    async ({ tenant, params }) => {
      const job = await readJob(tenant, params.job)
      if (job === undefined) throw missing()
      return { status: 200, body: shown(job) }
    },
  ),
  route(
    {
      id: 'restartJob',
      method: 'POST',
      path: `${base}/{job}/restart`,
      tag,
      summary: 'Lets a job that failed go on from where it stood',
      permission: 'administer',
      params: ofJob,
      body: z.strictObject({ why }),
      example: { why: 'The store is back' },
      answers: { status: 202, description: 'It goes on.', body: z.object({ id: jobId }) },
    },
    async (call) => {
      if (!(await restartJob(contextOf(call), call.params.job)))
        throw new Problem('conflict', 'Only a job that failed can be restarted.')
      return { status: 202, body: { id: call.params.job } }
    },
  ),
  route(
    {
      id: 'getExportPage',
      method: 'GET',
      path: `${base}/{job}/pages/{page}`,
      tag,
      summary: 'Reads a page of an export that is done: one record on each line',
      permission: 'administer',
      params: ofJob.extend({ page: z.coerce.number().int().min(1) }),
      answers: {
        status: 200,
        description: 'The page. Pages are kept for 7 days.',
        body: z.object({ page: z.number(), pages: z.number(), until: z.number(), text: z.string() }),
      },
    },
    async ({ tenant, params, runtime }) => {
      const page = await readExport({ ...tenant, clock: runtime.clock }, params.job, params.page)
      if (page === undefined) throw missing()
      return { status: 200, body: page }
    },
  ),
]

const missing = (): Problem => new Problem('not_found', 'There is no such job or page, or none any more.')

const contextOf = ({
  tenant,
  runtime,
  log,
}: Pick<Call<unknown, unknown, unknown>, 'tenant' | 'runtime' | 'log'>): JobContext => ({
  ...tenant,
  queue: runtime.queue('jobs'),
  clock: runtime.clock,
  random: runtime.random,
  log,
})

const shown = ({ endedAt, pagesUntil, ...job }: Job) => ({
  ...job,
  ended_at: endedAt,
  pages_until: pagesUntil,
})
