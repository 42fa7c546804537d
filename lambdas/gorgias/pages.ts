/** Lists that are short: teams, integrations. */
import type * as z from 'zod'
import { type Api, client } from './api.ts'

/** Of a hundred rows each. */
const mostPages = 5

type Page<T> = z.ZodType<{ data: T[]; meta?: { next_cursor?: string | undefined } | undefined }>

/** All rows of a list, of the first pages. Throws DeskhandError. */
export async function pages<T>(api: Api, path: string, schema: Page<T>): Promise<T[]> {
  const rows: T[] = []
  let cursor: string | undefined
  for (let page = 0; page < mostPages; page++) {
    const query = new URLSearchParams({ limit: '100', ...(cursor === undefined ? {} : { cursor }) })
    const { data, meta } = await client.get(api, `${path}${path.includes('?') ? '&' : '?'}${query}`, schema)
    rows.push(...data)
    cursor = meta?.next_cursor
    if (cursor === undefined) break
  }
  return rows
}
