/** The API's document, OpenAPI 3.1: made from the same schemas that requests are read by. */
import { createDocument, type ZodOpenApiObject, type ZodOpenApiOperationObject } from 'zod-openapi'
import { allows, type Permission, weakestFor } from './access.ts'
import { problemDocument } from './problem.ts'
import type { Route } from './route.ts'

/** https://spec.openapis.org/oas/v3.1.1 */
export function openApiDocument(routes: readonly Route[], publicUrl: string): object {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  }
  const tags = [...new Set(routes.map(({ tag }) => tag))].sort().map((name) => ({ name }))
  return createDocument({
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
    paths: paths as NonNullable<ZodOpenApiObject['paths']>,
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
  })
}

function operation(route: Route): ZodOpenApiOperationObject {
  const { answers, params, query, body, example } = route
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
    responses: {
      [String(answers.status)]: {
        description: answers.description,
        ...(answers.etag
          ? { headers: { ETag: { description: 'Names this version.', schema: { type: 'string' } } } }
          : {}),
        ...(answers.body === undefined ? {} : { content: { 'application/json': { schema: answers.body } } }),
        ...(answers.html ? { content: { 'text/html': { schema: { type: 'string' } } } } : {}),
      },
      default: {
        description: 'What is wrong, and what to do.',
        content: { 'application/problem+json': { schema: problemDocument } },
      },
      ...(route.permission === 'anyone' ? { 400: { description: 'The request is not right.' } } : {}),
    },
  }
}

const whoMay = (permission: Permission): string =>
  permission === 'anyone'
    ? 'Needs no token.'
    : allows('viewer', permission)
      ? 'For every member.'
      : `For ${weakestFor(permission)} or above.`
