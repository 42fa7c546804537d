/** The API's document, OpenAPI 3.1: made from the same schemas that requests are read by. */
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi'
import { allows, type Permission, weakestFor } from './access.ts'
import { type ProblemKind, problemDocument, statusOf, titleOf } from './problem.ts'
import { type Route, type Tag, tagDescriptions } from './route.ts'

/** https://spec.openapis.org/oas/v3.1.1 */
export function openApiDocument(routes: readonly Route[], publicUrl: string): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  }
  const used = new Set(routes.map(({ tag }) => tag))
  const tags = Object.entries(tagDescriptions)
    .filter(([name]) => used.has(name as Tag))
    .map(([name, description]) => ({ name, description }))
  const document: ZodOpenApiObject = {
    openapi: '3.1.0',
    info: {
      title: 'Deskhand admin API',
      version: '1.0.0',
      description:
        'Configures tenants, connections, tools, tasks and articles, and shows what the agent did. Every save is a version; publishing makes it live. Errors are problem documents (RFC 9457).',
      license: { name: 'Proprietary', url: `${publicUrl}/` },
    },
    servers: [
      { url: publicUrl },
      { url: `${publicUrl}/iam`, description: 'For automation: AWS IAM (SigV4)' },
    ],
    tags,
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token of the identity provider.',
        },
      },
    },
  }
  return createDocument(document, {
    allowEmptySchema: { custom: true },
    // What only a function of ours can check is text.
    override: ({ jsonSchema, zodSchema }) => {
      if (zodSchema._zod.def.type === 'custom') jsonSchema.type = 'string'
    },
  })
}

function operation(route: Route): ZodOpenApiOperationObject {
  const { params, query, example } = route
  const body = route.shownBody ?? route.body
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    description: [route.description, whoMay(route.permission)].filter(Boolean).join('\n\n'),
    requestParams: {
      ...(Object.keys(params.shape).length === 0 ? {} : { path: params }),
      ...(query === undefined ? {} : { query }),
    },
    ...(route.ifMatch
      ? {
          parameters: [
            {
              name: 'If-Match',
              in: 'header' as const,
              required: true,
              description: 'The ETag of what you read, or `*`.',
              schema: { type: 'string' as const },
            },
          ],
        }
      : {}),
    ...(route.permission === 'anyone' ? { security: [] } : {}),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: body, ...(example === undefined ? {} : { example }) },
            },
          },
        }),
    responses: responsesOf(route),
  }
}

function responsesOf(route: Route): ZodOpenApiResponsesObject {
  const { answers } = route
  const text = { schema: { type: 'string' as const } }
  const good: ZodOpenApiResponseObject = {
    description: answers.description,
    ...(answers.etag ? { headers: { ETag: { description: 'Names this version.', ...text } } } : {}),
    ...(answers.body === undefined ? {} : { content: { 'application/json': { schema: answers.body } } }),
    ...(answers.html ? { content: { 'text/html': text } } : {}),
  }
  const bad = problemsOf(route).map((kind) => [String(statusOf(kind)), problem(kind)])
  return { [`${answers.status}`]: good, ...Object.fromEntries(bad) } as ZodOpenApiResponsesObject
}

/** What can be wrong with a call of this route, besides what can be wrong with every one. */
const problemsOf = (route: Route): ProblemKind[] => [
  'malformed',
  ...(route.permission === 'anyone' ? [] : (['not_signed_in', 'not_allowed', 'too_many'] as const)),
  ...(Object.keys(route.params.shape).length > 0 ? (['not_found'] as const) : []),
  ...(route.method === 'GET' ? [] : (['conflict'] as const)),
  ...(route.ifMatch ? (['changed', 'no_precondition'] as const) : []),
  ...(route.body === undefined && route.query === undefined ? [] : (['invalid'] as const)),
  ...(route.body === undefined ? [] : (['too_large', 'not_json'] as const)),
  'unavailable',
]

const problem = (kind: ProblemKind) => ({
  description: titleOf(kind),
  content: { 'application/problem+json': { schema: problemDocument } },
})

const whoMay = (permission: Permission): string =>
  permission === 'anyone'
    ? 'Needs no token.'
    : allows('viewer', permission)
      ? 'For every member.'
      : `For ${weakestFor(permission)} or above.`
