/** Are a tenant's articles ones that an agent can hold and a reply can link to? Asked before they are published. */
import type { Article } from '../../schemas/article.ts'
import { checkReply } from './check-reply.ts'
import type { Problem } from './tools/check-tool.ts'

const mostArticles = 500
/** Texts together, UTF-8: what the answering function indexes in its memory. */
const mostBytes = 1_000_000

/** `urlCheck` says why a URL may not be called; what may not be called is no page for customers either. */
export function* checkArticles(
  articles: readonly Article[],
  urlCheck: (url: string) => string | undefined,
): Generator<Problem> {
  const bytes = articles.reduce((sum, { title, text }) => sum + Buffer.byteLength(title + text), 0)
  if (articles.length > mostArticles) yield { path: 'articles', message: `at most ${mostArticles}` }
  if (bytes > mostBytes)
    yield { path: 'articles', message: `together at most ${mostBytes} bytes; these have ${bytes}` }
  for (const [i, { url }] of articles.entries()) {
    if (url === undefined) continue
    const path = `articles.${i}.url`
    const refused = urlCheck(url)
    if (refused !== undefined) yield { path, message: refused }
    else if (!survives(url))
      yield {
        path,
        message: 'a reply could not carry it: use a plain address of letters, digits and - . _ / ? & =',
      }
  }
}

/** Does the address stand in a reply, alone, in a sentence and as a link, as it was written? */
function survives(url: string): boolean {
  const rules = { linkHosts: [url] }
  return [url, `See ${url}.`, `[See](${url})`].every((text) => {
    const checked = checkReply(text, rules)
    return checked.ok && checked.text === text
  })
}
