import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openApiDocument } from '../lambdas/admin/openapi.ts'
import { routesOf } from '../lambdas/admin/routes.ts'
import { helpdesks } from '../lambdas/helpdesks.ts'

const routes = routesOf(helpdesks)
const document = openApiDocument(routes, 'https://deskhand.acme.com') as {
  openapi: string
  paths: Record<string, Record<string, { operationId: string }>>
}

test("the API's document has no finding of redocly's strictest rules", () => {
  const said = execFileSync(process.execPath, ['bin/openapi.ts', '--lint'], {
    cwd: join(__dirname, '..'),
    encoding: 'utf8',
  })
  expect(said).toBe(`admin API document: ${routes.length} operations, 0 findings\n`)
})

test('it has every route once, each under an id of its own', () => {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  expect(document.openapi).toBe('3.1.0')
  expect(operations).toHaveLength(routes.length)
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length)
})

test.each(routes.flatMap((route) => (route.example === undefined ? [] : [[route.id, route] as const])))(
  'the example of %s is one that its route takes',
  (_id, route) => {
    const parsed = (route.shownBody ?? route.body)?.safeParse(route.example)
    expect(parsed?.error?.issues ?? []).toEqual([])
  },
)

test('every route with a body has an example', () => {
  expect(
    routes.filter(({ body, example }) => body !== undefined && example === undefined).map(({ id }) => id),
  ).toEqual([])
})
