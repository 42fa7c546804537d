/** What a route of the admin API is: data that the router, the role matrix and the API's document are made from. */
import type * as z from 'zod'
import type { AdminRuntime, AdminTenant } from '../core/aws/admin-runtime.ts'
import type { Helpdesk } from '../core/helpdesk.ts'
import type { Log } from '../core/ports.ts'
import type { Permission, Rank } from './access.ts'
import type { Principal } from './principal.ts'
import { mistakesOf, Problem } from './problem.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** The parts of the document. */
export const tagDescriptions = {
  tenants: 'Companies or brands, each siloed from every other.',
  members: 'Who may act for a tenant, and as what.',
  connections: "A tenant's account on one helpdesk.",
  'user-data-api': "The tenant's endpoint that tells who a customer is.",
  authorizations: "Credentials for a tenant's own APIs, without their values.",
  tools: 'HTTP calls that Claude may make.',
  tasks: 'Named step-by-step instructions that wrap tools and guidance.',
  articles: 'What a tenant knows and says publicly.',
  'agent-settings': "How a tenant's agent speaks, and what it may spend.",
  releases: 'What is live, what was, and going back.',
  secrets: 'Values go in and never come out.',
  tickets: 'What the agent knows of a ticket, what it did and why, and what waits for an approver.',
  report: 'What was answered, handed over and refused, and what it cost.',
  trying: 'Trying things before they are live.',
  importing: 'Tools from a cURL command or an OpenAPI document.',
  jobs: 'Exporting and erasing a customer or a tenant.',
  audit: 'Who asked for what, and how it ended.',
  document: 'This document.',
} as const
export type Tag = keyof typeof tagDescriptions

/** How often one tenant may call, in a minute. */
export const limits = { calls: 600, tries: 30, simulations: 10 } as const
export type Limit = keyof typeof limits

/** An answer in 2xx. `result` stands in the audit. */
export interface Answer {
  status: number
  body?: unknown
  /** Instead of JSON: a page. */
  html?: string
  headers?: Record<string, string>
  result?: Record<string, string | number>
}

/** A call, with what it says not read yet. */
export interface RawCall {
  params: Record<string, string>
  query: Record<string, string>
  body: unknown
  /** The entity tags that the caller means, without quotes; `*`: any. */
  ifMatch: string[] | undefined
  requestId: string
  now: number
  log: Log
  runtime: AdminRuntime
  helpdesks: Readonly<Record<string, Helpdesk>>
  /** Absent where a route is for anyone. */
  who: Principal | undefined
  rank: Rank | undefined
  /** Absent where the path names no tenant. */
  tenant: AdminTenant | undefined
  /** What came of it, for the audit. */
  result?: Answer['result']
}

/** A call of somebody who may make it. */
export interface Call<P, Q, B>
  extends Omit<RawCall, 'params' | 'query' | 'body' | 'who' | 'rank' | 'tenant'> {
  params: P
  query: Q
  body: B
  who: Principal
  rank: Rank
  tenant: AdminTenant
}

export interface Described {
  /** The operation's id in the API's document and in the audit. */
  id: string
  method: Method
  /** As API Gateway and OpenAPI write it: `/admin/tenants/{tenant}/tools/{id}`. */
  path: string
  tag: Tag
  summary: string
  description?: string
  permission: Permission
  params: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType
  /** The body as the document shows it, where the route itself reads a part of it more closely. */
  shownBody?: z.ZodType
  /** A body that is right: in the document, and checked by a test. */
  example?: unknown
  /** Asks for `If-Match`: 428 without, 412 where it is not what is there. */
  ifMatch?: true
  limit?: Limit
  /** Status and body of a good answer. `etag`: it carries one. */
  answers: { status: number; description: string; body?: z.ZodType; etag?: true; html?: true }
  /** A POST that changes nothing and is not in the audit. */
  changesNothing?: true
}

export interface Route extends Described {
  run(call: RawCall): Promise<Answer>
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined

/**
 * Makes a route: `handle` gets parameters, query and body as their schemas read them. What does not fit is a problem
 * `invalid` that names each place.
 */
export function route<
  P extends z.ZodObject,
  Q extends z.ZodObject | undefined,
  B extends z.ZodType | undefined,
>(
  described: Omit<Described, 'params' | 'query' | 'body'> & { params: P; query?: Q; body?: B },
  handle: (call: Call<z.output<P>, Parsed<Q>, Parsed<B>>) => Promise<Answer>,
): Route {
  return {
    ...(described as Described),
    async run(call) {
      const params = read(described.params, call.params, 'path')
      const query = described.query === undefined ? undefined : read(described.query, call.query, 'query')
      const body = described.body === undefined ? undefined : read(described.body, call.body, 'body')
      if (described.ifMatch && call.ifMatch === undefined)
        throw new Problem(
          'no_precondition',
          'Send If-Match with the ETag of what you read, so that nobody loses a change.',
        )
      // A route for anyone reads none of these three.
      return await handle({ ...call, params, query, body } as Call<z.output<P>, Parsed<Q>, Parsed<B>>)
    },
  }
}

function read<S extends z.ZodType>(schema: S, value: unknown, where: 'path' | 'query' | 'body'): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const names = parsed.error.issues.map(({ path }) => path.join('.') || 'it')
  throw new Problem(
    'invalid',
    where === 'body'
      ? `${parsed.error.issues.length} to mend in the body: see errors.`
      : `The ${where} parameter ${names.join(', ')} is not right: see errors.`,
    {
      errors:
        where === 'body'
          ? mistakesOf(parsed.error)
          : parsed.error.issues.map((issue) => ({ detail: `${issue.path.join('.')}: ${issue.message}` })),
    },
  )
}

/** Refuses unless the caller means what is there now. */
export function mustMatch(ifMatch: readonly string[] | undefined, tag: string, what: string): void {
  if (ifMatch?.includes('*') || ifMatch?.includes(tag)) return
  throw new Problem('changed', `${what} is at "${tag}" now: read it again, and repeat what you want of it.`, {
    headers: { etag: `"${tag}"` },
  })
}

export const etag = (tag: string | number): Record<string, string> => ({ etag: `"${tag}"` })
