/** The handler of the admin API. Middy carries what every call shares; what a call does is its route's. */
import middy from '@middy/core'
import httpRouter from '@middy/http-router'
import type { Context } from 'aws-lambda'
import type { AdminRuntime } from '../core/aws/admin-runtime.ts'
import type { Helpdesk } from '../core/helpdesk.ts'
import { answerProblems } from './middleware/answer-problems.ts'
import { audited } from './middleware/audited.ts'
import { limited } from './middleware/limited.ts'
import { logged } from './middleware/logged.ts'
import { type Requested, readRequest } from './middleware/read-request.ts'
import { whoMay } from './middleware/who-may.ts'
import { Problem } from './problem.ts'
import type { Answer, Route } from './route.ts'
import { routesOf } from './routes.ts'

export interface AdminResponse {
  statusCode: number
  headers: Record<string, string>
  body: string
}

export interface AdminParts {
  runtime: AdminRuntime
  helpdesks: Readonly<Record<string, Helpdesk>>
  /** Default: all of them. */
  routes?: readonly Route[]
}

/** Handles events of an HTTP API, payload version 2. Never throws. */
export function createAdmin({ runtime, helpdesks, routes: served = routesOf(helpdesks) }: AdminParts) {
  const router = httpRouter({
    routes: served.map((route) => ({
      method: route.method,
      path: route.path,
      handler: handlerOf(route, { runtime, helpdesks }),
    })),
    notFoundResponse: ({ path }: { path: string }) => {
      const others = served.filter((route) => matches(route.path, path)).map(({ method }) => method)
      throw others.length === 0
        ? new Problem('not_found', 'There is no such path: GET /admin/openapi.json lists them.')
        : new Problem('method', `Here you can ${others.join(', ')}.`, {
            headers: { allow: others.join(', ') },
          })
    },
  })
  return middy().use(logged(runtime)).use(answerProblems(runtime)).handler(asOnePath(router))
}

/** One route: who calls, may they, how often, what do they say; then what it does; then how it is told. */
function handlerOf(route: Route, parts: AdminParts) {
  const handler = middy<Requested, AdminResponse>()
    .use(readRequest(route, parts))
    .use(whoMay(route))
    .use(limited(route))
    .use(audited(route))
    .handler(async ({ call }) => {
      const answer = await route.run(call)
      call.result = answer.result
      return responseOf(answer)
    })
  return (event: unknown, context: Context) => handler(event as Requested, context)
}

function responseOf({ status, body, html, headers = {} }: Answer): AdminResponse {
  const safe = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }
  if (html !== undefined)
    return {
      statusCode: status,
      headers: {
        ...safe,
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        ...headers,
      },
      body: html,
    }
  return {
    statusCode: status,
    headers: { ...safe, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? '' : JSON.stringify(body),
  }
}

/** Automation comes by `/iam/admin/...`, where AWS verifies a signature instead of a token; from there on it is one API. */
const iamPrefix = '/iam'

type Event = { requestContext?: { http?: { path?: unknown } }; pathParameters?: unknown }
type Handler = (event: never, context: never, abort: never) => unknown

function asOnePath(router: Handler) {
  return (event: unknown, context: unknown, abort: unknown) => {
    const given = event as Event
    const path = given.requestContext?.http?.path
    if (typeof path !== 'string') throw new Problem('malformed', 'This is not a request of an HTTP API.')
    const http = {
      ...given.requestContext?.http,
      path: path.startsWith(`${iamPrefix}/`) ? path.slice(iamPrefix.length) : path,
    }
    // What the path names is read from the path alone.
    const routed = { ...given, pathParameters: {}, requestContext: { ...given.requestContext, http } }
    return router(routed as never, context as never, abort as never)
  }
}

const matches = (pattern: string, path: string): boolean => {
  const [wanted, given] = [pattern.split('/'), path.replace(/\/$/, '').split('/')]
  return (
    wanted.length === given.length && wanted.every((part, i) => part.startsWith('{') || part === given[i])
  )
}
