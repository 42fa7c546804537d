/** Calls the admin API from a command. */
import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { problemDocument } from '../lambdas/admin/problem.ts'

/** What a call came to, in words for whoever runs the command. */
export class CallFailed extends Error {}

export interface AdminClient {
  call(
    method: string,
    path: string,
    more?: { body?: unknown; ifMatch?: string },
  ): Promise<{ body: unknown; etag: string }>
  /** Every item of a list. */
  list(path: string): Promise<unknown[]>
}

/** `url` is where Deskhand is, without `/admin`. */
export function createAdminClient(url: string, token: string): AdminClient {
  const client: AdminClient = {
    async call(method, path, { body, ifMatch } = {}) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }).catch((error: unknown) => {
        throw new CallFailed(
          `${url} does not answer: ${error instanceof Error ? error.message : String(error)}`,
        )
      })
      const text = await response.text()
      if (!response.ok) throw new CallFailed(`${method} ${path}: ${told(response.status, text)}`)
      return { body: text === '' ? undefined : JSON.parse(text), etag: response.headers.get('etag') ?? '' }
    },
    async list(path) {
      const items: unknown[] = []
      let cursor: string | undefined
      do {
        const { body } = await client.call(
          'GET',
          `${path}?limit=100${cursor === undefined ? '' : `&cursor=${cursor}`}`,
        )
        const page = z.object({ items: z.array(z.unknown()), next: z.string().optional() }).parse(body)
        items.push(...page.items)
        cursor = page.next
      } while (cursor !== undefined)
      return items
    },
  }
  return client
}

function told(status: number, text: string): string {
  if (status === 401) return 'the token is not taken: is it over, or of another deployment?'
  try {
    const { detail, errors = [] } = problemDocument.parse(JSON.parse(text))
    return [`${status} ${detail}`, ...errors.map((one) => `  ${one.pointer ?? ''} ${one.detail}`)].join('\n')
  } catch {
    return `${status} ${text.slice(0, 200)}`
  }
}

/** The token of `--token-file`, or of DESKHAND_TOKEN: on a command line others could read it. */
export function tokenFrom(
  file: string | undefined,
  env: Record<string, string | undefined>,
): string | undefined {
  const token = (file === undefined ? env.DESKHAND_TOKEN : readFileSync(file, 'utf8'))?.trim()
  return token === '' ? undefined : token
}
