/** The tickets of a stand-in as pages. Everything that anybody wrote is shown as text. */
import type { Answered, Asked } from './serve.ts'
import type { SeenTicket, StandIn } from './stand-in.ts'

/** `/` lists the tickets, `/tickets/<id>` shows one. */
export function ticketPages(
  title: string,
  standIn: Pick<StandIn, 'ticket' | 'tickets'>,
  asked: Asked,
): Answered {
  const id = /^\/tickets\/([\w-]+)$/.exec(asked.url.pathname)?.[1]
  const ticket = id === undefined ? undefined : standIn.ticket(id)
  if (ticket !== undefined) return { status: 200, html: ticketPage(ticket) }
  if (asked.url.pathname !== '/') return { status: 404, html: 'Not found' }
  const items = standIn
    .tickets()
    .map(
      ({ id, subject, status }) =>
        `<li><a href="/tickets/${id}">#${id}</a> ${escapeHtml(subject)} <em>${escapeHtml(status)}</em></li>`,
    )
  return {
    status: 200,
    html: page(`Stand-in ${title}`, `<h1>Stand-in ${title}: tickets</h1><ul>${items.join('')}</ul>`),
  }
}

function ticketPage({ id, subject, status, assignee, tags, messages }: SeenTicket): string {
  const facts = [
    `status ${status}`,
    ...(assignee === undefined ? [] : [`assignee ${assignee}`]),
    ...(tags.length === 0 ? [] : [`tags ${tags.join(', ')}`]),
  ]
  const entries = messages.map((message) => {
    const kind = !message.public ? 'note' : message.by === 'customer' ? 'customer' : 'team'
    const to = message.to === undefined ? '' : ` · to ${message.to.join(', ')}`
    const head = `${message.name} · ${new Date(message.at).toISOString()}${to}${message.public ? '' : ' · internal note'}`
    return `<article class="${kind}"><h2>${escapeHtml(head)}</h2><p>${escapeHtml(message.text)}</p></article>`
  })
  return page(
    `#${id} ${subject}`,
    `<p><a href="/">All tickets</a></p><h1>#${id} ${escapeHtml(subject)}</h1>
<p class="facts">${escapeHtml(facts.join(' · '))}</p>${entries.join('\n')}`,
  )
}

export const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>${escapeHtml(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #1c2b2d }
article { border: 1px solid #d5dcde; border-radius: 8px; padding: .75rem 1rem; margin: .75rem 0 }
article h2 { font-size: .8rem; font-weight: 500; color: #5a6b6f; margin: 0 }
article p { white-space: pre-wrap; margin: .4rem 0 0 }
.team { background: #eef6f1 } .note { background: #fdf6df } .facts { color: #5a6b6f }
</style></head><body>${body}</body></html>`
