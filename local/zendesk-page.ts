import { type Account, type Conversation, escapeHtml } from './zendesk-account.ts'

/** The list of tickets as a page. */
export const listPage = (account: Account): string =>
  page(
    'Stand-in Zendesk',
    `<h1>Tickets</h1><ul>${[...account.conversations.values()]
      .toReversed()
      .map(
        ({ ticket }) =>
          `<li><a href="/tickets/${ticket.id}">#${ticket.id}</a> ${escapeHtml(ticket.subject)} <em>${ticket.status}</em></li>`,
      )
      .join('')}</ul>`,
  )

/** One ticket as a page. Everything that anybody wrote is shown as text. */
export function ticketPage(account: Account, { ticket, comments }: Conversation): string {
  const nameOf = (id: number): string => account.users.get(id)?.name ?? `user ${id}`
  const facts = [
    `requester ${nameOf(ticket.requester_id)}`,
    `status ${ticket.status}`,
    ...(ticket.assignee_id === null ? [] : [`assignee ${nameOf(ticket.assignee_id)}`]),
    ...(ticket.tags.length === 0 ? [] : [`tags ${ticket.tags.join(', ')}`]),
    ...(ticket.email_cc_ids.length === 0 ? [] : [`CC ${ticket.email_cc_ids.map(nameOf).join(', ')}`]),
  ]
  const entries = comments.map((comment) => {
    const user = account.users.get(comment.author_id)
    const kind = !comment.public ? 'note' : user?.role === 'end-user' ? 'customer' : 'team'
    const head = `${nameOf(comment.author_id)} · ${comment.created_at} · ${comment.via.channel}${comment.public ? '' : ' · internal note'}`
    return `<article class="${kind}"><h2>${escapeHtml(head)}</h2><p>${escapeHtml(comment.plain_body)}</p></article>`
  })
  return page(
    `#${ticket.id} ${ticket.subject}`,
    `<p><a href="/">All tickets</a></p><h1>#${ticket.id} ${escapeHtml(ticket.subject)}</h1>
<p class="facts">${escapeHtml(facts.join(' · '))}</p>${entries.join('\n')}`,
  )
}

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>${escapeHtml(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #1c2b2d }
article { border: 1px solid #d5dcde; border-radius: 8px; padding: .75rem 1rem; margin: .75rem 0 }
article h2 { font-size: .8rem; font-weight: 500; color: #5a6b6f; margin: 0 }
article p { white-space: pre-wrap; margin: .4rem 0 0 }
.team { background: #eef6f1 } .note { background: #fdf6df } .facts { color: #5a6b6f }
</style></head><body>${body}</body></html>`
