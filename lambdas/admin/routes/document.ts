import * as z from 'zod'
import { openApiDocument } from '../openapi.ts'
import { type Route, route } from '../route.ts'

/** `GET /admin/openapi.json`: it says what can be asked, of nobody's data. `routes` are all the others. */
export function documentRoute(routes: () => readonly Route[]): Route {
  let made: { publicUrl: string; document: object } | undefined
  return route(
    {
      id: 'getDocument',
      method: 'GET',
      path: '/admin/openapi.json',
      tag: 'document',
      summary: 'This document',
      permission: 'anyone',
      params: z.object({}),
      answers: { status: 200, description: 'OpenAPI 3.1.', body: z.looseObject({ openapi: z.string() }) },
    },
    async ({ runtime: { publicUrl } }) => {
      if (made?.publicUrl !== publicUrl) made = { publicUrl, document: openApiDocument(routes(), publicUrl) }
      return { status: 200, body: made.document, headers: { 'cache-control': 'public, max-age=300' } }
    },
  )
}
